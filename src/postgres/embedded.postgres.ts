// Made from migrations/postgres by npm run db:embed. Do not edit.
import type { Migration } from "../engine/history.ts";

export const migrations: readonly Migration[] = [
  {
    tag: "0000_blackboard",
    when: 1795478570661,
    hash: "c23732bc6dde3cc3db6add2303364cc71d5c8ba7b17fc45993c9adeff841fbd6",
    sql: `CREATE TABLE "run_blackboard"."briefs" (
	"brief_id" text COLLATE "C" NOT NULL,
	"run_id" text COLLATE "C" NOT NULL,
	"parent_brief_id" text COLLATE "C",
	"workstream_id" text COLLATE "C",
	"tier" integer NOT NULL,
	"role" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"payload" jsonb,
	"result" jsonb,
	"retry_count" integer DEFAULT 0 NOT NULL,
	"created_at" text COLLATE "C" NOT NULL,
	"updated_at" text COLLATE "C" NOT NULL,
	CONSTRAINT "briefs_run_id_brief_id_pk" PRIMARY KEY("run_id","brief_id")
);
--> statement-breakpoint
CREATE TABLE "run_blackboard"."event_counters" (
	"run_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "run_blackboard"."events" (
	"seq" bigint DEFAULT 0 NOT NULL,
	"event_id" text COLLATE "C" NOT NULL,
	"run_id" text COLLATE "C" NOT NULL,
	"brief_id" text COLLATE "C",
	"kind" text NOT NULL,
	"detail" jsonb,
	"created_at" text COLLATE "C" NOT NULL,
	CONSTRAINT "events_run_id_seq_pk" PRIMARY KEY("run_id","seq"),
	CONSTRAINT "events_run_id_event_id_unique" UNIQUE("run_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "run_blackboard"."runs" (
	"run_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"goal" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"created_at" text COLLATE "C" NOT NULL,
	"updated_at" text COLLATE "C" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "run_blackboard"."workstreams" (
	"workstream_id" text COLLATE "C" NOT NULL,
	"run_id" text COLLATE "C" NOT NULL,
	"name" text NOT NULL,
	"tier" integer NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"owner_agent_id" text,
	"created_at" text COLLATE "C" NOT NULL,
	"updated_at" text COLLATE "C" NOT NULL,
	CONSTRAINT "workstreams_run_id_workstream_id_pk" PRIMARY KEY("run_id","workstream_id")
);
--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD CONSTRAINT "briefs_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "run_blackboard"."runs"("run_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_blackboard"."events" ADD CONSTRAINT "events_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "run_blackboard"."runs"("run_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_blackboard"."workstreams" ADD CONSTRAINT "workstreams_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "run_blackboard"."runs"("run_id") ON DELETE no action ON UPDATE no action;`,
  },
  {
    tag: "0001_events_seq",
    when: 1795478605067,
    hash: "4e94521f44daed623937b56f353ce417d9e1a7fb5be88acabc409ded0409ce51",
    sql: `-- Takes an event's seq from the run's counter row, whose lock is kept until the commit: so seq is in the order of commits.
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
`,
  },
  {
    tag: "0002_claims",
    when: 1795895376744,
    hash: "7feabcc25c07305aff0f9cdd3ffdfb02f02a87cbb62f2da6266c72813c7b1bc9",
    sql: `-- Written by hand. A collation of its own for each index keeps the planner from using another one: see src/operations/index-choice.ts.
CREATE COLLATION "run_blackboard"."briefs_by_status" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."briefs_ready" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."briefs_ready_by_role" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."briefs_leased" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."briefs_delayed" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."briefs_blocked" (LOCALE = 'C');--> statement-breakpoint
CREATE TABLE "run_blackboard"."dependencies" (
	"run_id" text COLLATE "C" NOT NULL,
	"brief_id" text COLLATE "C" NOT NULL,
	"blocker_id" text COLLATE "C" NOT NULL,
	CONSTRAINT "dependencies_run_id_blocker_id_brief_id_pk" PRIMARY KEY("run_id","blocker_id","brief_id")
);
--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "attempt" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "claimed_by" text;--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "lease_expires_at" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "claimed_at" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "priority" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "not_before" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "waits_for" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "parked" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "run_blackboard"."briefs" ADD COLUMN "progress" jsonb;--> statement-breakpoint
CREATE INDEX "dependencies_of_brief" ON "run_blackboard"."dependencies" USING btree ("run_id","brief_id","blocker_id");--> statement-breakpoint
CREATE INDEX "briefs_by_status" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_by_status","status","created_at","brief_id");--> statement-breakpoint
CREATE INDEX "briefs_ready" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_ready","priority" DESC NULLS LAST,"created_at","brief_id") WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX "briefs_ready_by_role" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_ready_by_role","role","priority" DESC NULLS LAST,"created_at","brief_id") WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX "briefs_leased" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_leased","lease_expires_at","brief_id") WHERE "run_blackboard"."briefs"."lease_expires_at" is not null;--> statement-breakpoint
CREATE INDEX "briefs_delayed" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_delayed","not_before","brief_id") WHERE parked = 1;--> statement-breakpoint
CREATE INDEX "briefs_blocked" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_blocked","workstream_id") WHERE parked = 2;--> statement-breakpoint
-- Written by hand from here on. A brief waits for as many briefs as its dependencies name that are not done: those that are
-- missing count too. Names are looked up in the table's schema, as in 0001.
-- Blockers are locked against a change of their status, so that one that becomes done at the same time is counted once.
CREATE FUNCTION "run_blackboard".run_blackboard_count_blockers() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	path text := set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true);
BEGIN
	PERFORM 1 FROM briefs AS blocker
		JOIN (SELECT DISTINCT run_id, blocker_id FROM changed) AS named
			ON blocker.run_id = named.run_id AND blocker.brief_id = named.blocker_id
		ORDER BY blocker.run_id, blocker.brief_id FOR SHARE OF blocker;
	WITH counted AS MATERIALIZED (
		SELECT named.run_id, named.brief_id, (
			SELECT count(*) FROM dependencies AS dependency
				LEFT JOIN briefs AS blocker
					ON blocker.run_id = dependency.run_id AND blocker.brief_id = dependency.blocker_id
				WHERE dependency.run_id = named.run_id AND dependency.brief_id = named.brief_id
					AND blocker.status IS DISTINCT FROM 'done') AS n
		FROM (SELECT DISTINCT run_id, brief_id FROM changed) AS named
	)
	UPDATE briefs AS dependent SET waits_for = counted.n FROM counted
		WHERE dependent.run_id = counted.run_id AND dependent.brief_id = counted.brief_id AND dependent.waits_for <> counted.n;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER dependencies_insert AFTER INSERT ON "run_blackboard".dependencies REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION "run_blackboard".run_blackboard_count_blockers();
--> statement-breakpoint
CREATE TRIGGER dependencies_delete AFTER DELETE ON "run_blackboard".dependencies REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION "run_blackboard".run_blackboard_count_blockers();
--> statement-breakpoint
-- Dependents are locked in the order of their ids, so that two blockers of the same briefs don't deadlock. Materialized, since with
-- the statistics of an emptied table the planner would run the query again for every brief of the run.
CREATE FUNCTION "run_blackboard".run_blackboard_count_dependents() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	path text := set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true);
	blocker record;
	step integer;
BEGIN
	IF TG_OP = 'DELETE' THEN blocker := OLD; ELSE blocker := NEW; END IF;
	IF NOT EXISTS (SELECT 1 FROM dependencies WHERE run_id = blocker.run_id AND blocker_id = blocker.brief_id) THEN
		RETURN NULL;
	END IF;
	step := CASE WHEN TG_OP <> 'DELETE' AND blocker.status = 'done' THEN -1 ELSE 1 END;
	WITH locked AS MATERIALIZED (
		SELECT waiting.run_id, waiting.brief_id FROM dependencies AS dependency
			JOIN briefs AS waiting ON waiting.run_id = dependency.run_id AND waiting.brief_id = dependency.brief_id
			WHERE dependency.run_id = blocker.run_id AND dependency.blocker_id = blocker.brief_id
			ORDER BY waiting.brief_id FOR NO KEY UPDATE OF waiting
	)
	UPDATE briefs AS dependent SET waits_for = dependent.waits_for + step FROM locked
		WHERE dependent.run_id = locked.run_id AND dependent.brief_id = locked.brief_id;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER briefs_blocker_update AFTER UPDATE OF status ON "run_blackboard".briefs
	FOR EACH ROW WHEN ((OLD.status = 'done') <> (NEW.status = 'done')) EXECUTE FUNCTION "run_blackboard".run_blackboard_count_dependents();
--> statement-breakpoint
CREATE TRIGGER briefs_blocker_insert AFTER INSERT ON "run_blackboard".briefs
	FOR EACH ROW WHEN (NEW.status = 'done') EXECUTE FUNCTION "run_blackboard".run_blackboard_count_dependents();
--> statement-breakpoint
CREATE TRIGGER briefs_blocker_delete AFTER DELETE ON "run_blackboard".briefs
	FOR EACH ROW WHEN (OLD.status = 'done') EXECUTE FUNCTION "run_blackboard".run_blackboard_count_dependents();
--> statement-breakpoint
CREATE FUNCTION "run_blackboard".run_blackboard_delete_dependencies() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	path text := set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true);
BEGIN
	DELETE FROM dependencies WHERE run_id = OLD.run_id AND brief_id = OLD.brief_id;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER briefs_dependencies_delete AFTER DELETE ON "run_blackboard".briefs
	FOR EACH ROW EXECUTE FUNCTION "run_blackboard".run_blackboard_delete_dependencies();
--> statement-breakpoint
-- Claims park the pending briefs of a blocked workstream.
CREATE FUNCTION "run_blackboard".run_blackboard_unblock() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	path text := set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true);
BEGIN
	UPDATE briefs SET parked = 0
		WHERE run_id COLLATE briefs_blocked = NEW.run_id AND workstream_id = NEW.workstream_id AND parked = 2;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER workstreams_unblocked AFTER UPDATE OF status ON "run_blackboard".workstreams
	FOR EACH ROW WHEN (OLD.status = 'blocked' AND NEW.status <> 'blocked') EXECUTE FUNCTION "run_blackboard".run_blackboard_unblock();
`,
  },
  {
    tag: "0003_tallies",
    when: 1795895381784,
    hash: "09b7a2feadd7be2704f167334647906e4c5c47eeef76854be3df1135e14cb50b",
    sql: `-- Written by hand: see 0002.
CREATE COLLATION "run_blackboard"."briefs_by_age" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."briefs_by_parent" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."events_by_kind" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."events_by_brief" (LOCALE = 'C');--> statement-breakpoint
CREATE COLLATION "run_blackboard"."workstreams_by_age" (LOCALE = 'C');--> statement-breakpoint
CREATE INDEX "briefs_by_age" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_by_age","created_at","brief_id","role","tier","workstream_id");--> statement-breakpoint
CREATE INDEX "briefs_by_parent" ON "run_blackboard"."briefs" USING btree ("run_id" COLLATE "run_blackboard"."briefs_by_parent","parent_brief_id","created_at","brief_id");--> statement-breakpoint
CREATE INDEX "events_by_kind" ON "run_blackboard"."events" USING btree ("run_id" COLLATE "run_blackboard"."events_by_kind","kind","seq");--> statement-breakpoint
CREATE INDEX "events_by_brief" ON "run_blackboard"."events" USING btree ("run_id" COLLATE "run_blackboard"."events_by_brief","brief_id","seq") WHERE "run_blackboard"."events"."brief_id" is not null;--> statement-breakpoint
CREATE INDEX "workstreams_by_age" ON "run_blackboard"."workstreams" USING btree ("run_id" COLLATE "run_blackboard"."workstreams_by_age","created_at","workstream_id");--> statement-breakpoint
-- Written by hand: a view that counts from indexes alone. Rows that every write touches would make claims wait for each other.
CREATE VIEW "run_blackboard"."tallies" (run_id, subject, label, n) AS
	SELECT run.run_id, counted.subject, counted.label, counted.n FROM "run_blackboard".runs AS run, LATERAL (
		SELECT 'workstreams' AS subject, status AS label, count(*) AS n FROM "run_blackboard".workstreams
			WHERE run_id COLLATE "run_blackboard".workstreams_by_age = run.run_id GROUP BY status
		UNION ALL SELECT 'briefs', status, count(*) FROM "run_blackboard".briefs
			WHERE run_id COLLATE "run_blackboard".briefs_by_status = run.run_id GROUP BY status
		UNION ALL SELECT 'events', kind, count(*) FROM "run_blackboard".events
			WHERE run_id COLLATE "run_blackboard".events_by_kind = run.run_id GROUP BY kind
	) AS counted;
`,
  },
];
