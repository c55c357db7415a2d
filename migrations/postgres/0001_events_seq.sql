-- Takes an event's seq from the run's counter row, whose lock is kept until the commit: so seq is in the order of commits.
-- Names in a function's body are looked up in the schema of the trigger's table, not in the inserting session's search_path, which
-- may have another event_counters. Temporary tables come last. A fixed path would be wrong once the schema is renamed.
CREATE FUNCTION "run_blackboard".run_blackboard_next_seq() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	path text := set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true);
BEGIN
	-- A run that moves here brings its numbers. Counting each of them would be a new version of one row each time, and all of
	-- a transaction's versions are looked through by the next: 40,000 events took 50 s, and twice as many four times that.
	IF NEW.seq > 0 AND current_setting('run_blackboard.keep_seq', true) = 'on' THEN
		RETURN NEW;
	END IF;
	INSERT INTO event_counters AS counter (run_id, seq) VALUES (NEW.run_id, 1)
		ON CONFLICT (run_id) DO UPDATE SET seq = counter.seq + 1
		RETURNING counter.seq INTO NEW.seq;
	RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER events_seq BEFORE INSERT ON "run_blackboard".events FOR EACH ROW EXECUTE FUNCTION "run_blackboard".run_blackboard_next_seq();
