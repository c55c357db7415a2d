-- Takes an event's seq from the run's counter row, whose lock is kept until the commit: so seq is in the order of commits.
-- The search_path is this one's, not the inserting session's, which may have another event_counters.
CREATE FUNCTION run_blackboard_next_seq() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	INSERT INTO event_counters AS counter (run_id, seq) VALUES (NEW.run_id, 1)
		ON CONFLICT (run_id) DO UPDATE SET seq = counter.seq + 1
		RETURNING counter.seq INTO NEW.seq;
	RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER events_seq BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION run_blackboard_next_seq();
