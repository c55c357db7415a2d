// Made from migrations/postgres by npm run db:embed. Do not edit.
import type { Migration } from "../engine/history.ts";

export const migrations: readonly Migration[] = [
  {
    tag: "0000_blackboard",
    when: 1795478570661,
    hash: "2410c441a51fedd2a8ab9e0a834a4a5de62d47abfe35c92760da53d1f09f038a",
    sql: `CREATE TABLE "briefs" (
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
CREATE TABLE "event_counters" (
	"run_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "events" (
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
CREATE TABLE "runs" (
	"run_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"goal" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"created_at" text COLLATE "C" NOT NULL,
	"updated_at" text COLLATE "C" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workstreams" (
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
ALTER TABLE "briefs" ADD CONSTRAINT "briefs_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "runs"("run_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "runs"("run_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workstreams" ADD CONSTRAINT "workstreams_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "runs"("run_id") ON DELETE no action ON UPDATE no action;`,
  },
  {
    tag: "0001_events_seq",
    when: 1795478605067,
    hash: "7217b3674a9122d340cc0f2fc39715b20c426b51cf28e07d6ffe2fc2db9b7826",
    sql: `-- Takes an event's seq from the run's counter row, whose lock is kept until the commit: so seq is in the order of commits.
-- The search_path is this one's, not the inserting session's, which may have another event_counters.
CREATE FUNCTION run_blackboard_next_seq() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
CREATE TRIGGER events_seq BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION run_blackboard_next_seq();
`,
  },
  {
    tag: "0002_claims",
    when: 1795895376744,
    hash: "57937e0493d179ffbc28ab170fb5c639a67592bbf1d75408348a8265d18e6257",
    sql: `CREATE TABLE "dependencies" (
	"run_id" text COLLATE "C" NOT NULL,
	"brief_id" text COLLATE "C" NOT NULL,
	"blocker_id" text COLLATE "C" NOT NULL,
	CONSTRAINT "dependencies_run_id_blocker_id_brief_id_pk" PRIMARY KEY("run_id","blocker_id","brief_id")
);
--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "attempt" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "claimed_by" text;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "lease_expires_at" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "claimed_at" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "priority" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "not_before" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "waits_for" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "parked" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "progress" jsonb;--> statement-breakpoint
CREATE INDEX "dependencies_of_brief" ON "dependencies" USING btree ("run_id","brief_id","blocker_id");--> statement-breakpoint
CREATE INDEX "briefs_by_status" ON "briefs" USING btree ("run_id","status","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "briefs_ready" ON "briefs" USING btree ("run_id","priority" DESC NULLS LAST,"created_at","brief_id") WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX "briefs_ready_by_role" ON "briefs" USING btree ("run_id","role","priority" DESC NULLS LAST,"created_at" NULLS FIRST,"brief_id" NULLS FIRST) WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX "briefs_leased" ON "briefs" USING btree ("run_id","lease_expires_at","brief_id") WHERE "briefs"."lease_expires_at" is not null;--> statement-breakpoint
CREATE INDEX "briefs_delayed" ON "briefs" USING btree ("run_id","not_before","brief_id") WHERE parked = 1;--> statement-breakpoint
CREATE INDEX "briefs_blocked" ON "briefs" USING btree ("run_id","workstream_id") WHERE parked = 2;--> statement-breakpoint
-- Written by hand from here on. A brief waits for as many briefs as its dependencies name that are not done: those that are
-- missing count too. The search_path is this one's, not the writing session's.
-- Blockers are locked against a change of their status, so that one that becomes done at the same time is counted once.
CREATE FUNCTION run_blackboard_count_blockers() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	PERFORM 1 FROM briefs AS blocker
		JOIN (SELECT DISTINCT run_id, blocker_id FROM changed) AS named
			ON blocker.run_id = named.run_id AND blocker.brief_id = named.blocker_id
		ORDER BY blocker.run_id, blocker.brief_id FOR SHARE OF blocker;
	UPDATE briefs AS dependent SET waits_for = counted.n FROM (
		SELECT named.run_id, named.brief_id, (
			SELECT count(*) FROM dependencies AS dependency
				LEFT JOIN briefs AS blocker
					ON blocker.run_id = dependency.run_id AND blocker.brief_id = dependency.blocker_id
				WHERE dependency.run_id = named.run_id AND dependency.brief_id = named.brief_id
					AND blocker.status IS DISTINCT FROM 'done') AS n
		FROM (SELECT DISTINCT run_id, brief_id FROM changed) AS named
	) AS counted
		WHERE dependent.run_id = counted.run_id AND dependent.brief_id = counted.brief_id AND dependent.waits_for <> counted.n;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER dependencies_insert AFTER INSERT ON dependencies REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION run_blackboard_count_blockers();
--> statement-breakpoint
CREATE TRIGGER dependencies_delete AFTER DELETE ON dependencies REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION run_blackboard_count_blockers();
--> statement-breakpoint
-- Dependents are locked in the order of their ids, so that two blockers of the same briefs don't deadlock.
CREATE FUNCTION run_blackboard_count_dependents() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	blocker briefs := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
	step integer := CASE WHEN TG_OP <> 'DELETE' AND blocker.status = 'done' THEN -1 ELSE 1 END;
BEGIN
	UPDATE briefs AS dependent SET waits_for = dependent.waits_for + step FROM (
		SELECT waiting.run_id, waiting.brief_id FROM dependencies AS dependency
			JOIN briefs AS waiting ON waiting.run_id = dependency.run_id AND waiting.brief_id = dependency.brief_id
			WHERE dependency.run_id = blocker.run_id AND dependency.blocker_id = blocker.brief_id
			ORDER BY waiting.brief_id FOR NO KEY UPDATE OF waiting
	) AS locked
		WHERE dependent.run_id = locked.run_id AND dependent.brief_id = locked.brief_id;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER briefs_blocker_update AFTER UPDATE OF status ON briefs
	FOR EACH ROW WHEN ((OLD.status = 'done') <> (NEW.status = 'done')) EXECUTE FUNCTION run_blackboard_count_dependents();
--> statement-breakpoint
CREATE TRIGGER briefs_blocker_insert AFTER INSERT ON briefs
	FOR EACH ROW WHEN (NEW.status = 'done') EXECUTE FUNCTION run_blackboard_count_dependents();
--> statement-breakpoint
CREATE TRIGGER briefs_blocker_delete AFTER DELETE ON briefs
	FOR EACH ROW WHEN (OLD.status = 'done') EXECUTE FUNCTION run_blackboard_count_dependents();
--> statement-breakpoint
CREATE FUNCTION run_blackboard_delete_dependencies() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	DELETE FROM dependencies WHERE run_id = OLD.run_id AND brief_id = OLD.brief_id;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER briefs_dependencies_delete AFTER DELETE ON briefs
	FOR EACH ROW EXECUTE FUNCTION run_blackboard_delete_dependencies();
--> statement-breakpoint
-- Claims park the pending briefs of a blocked workstream.
CREATE FUNCTION run_blackboard_unblock() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	UPDATE briefs SET parked = 0
		WHERE run_id = NEW.run_id AND workstream_id = NEW.workstream_id AND parked = 2;
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER workstreams_unblocked AFTER UPDATE OF status ON workstreams
	FOR EACH ROW WHEN (OLD.status = 'blocked' AND NEW.status <> 'blocked') EXECUTE FUNCTION run_blackboard_unblock();
`,
  },
  {
    tag: "0003_tallies",
    when: 1795895381784,
    hash: "4c05afb2d86bfc41a97c5f67d9d48ce92c048f7490f197c0087b262025e64873",
    sql: `CREATE INDEX "briefs_by_age" ON "briefs" USING btree ("run_id","created_at","brief_id","role","tier","workstream_id");--> statement-breakpoint
CREATE INDEX "briefs_by_parent" ON "briefs" USING btree ("run_id","parent_brief_id","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "events_by_kind" ON "events" USING btree ("run_id","kind","seq" NULLS FIRST);--> statement-breakpoint
CREATE INDEX "events_by_brief" ON "events" USING btree ("run_id","brief_id","seq" NULLS FIRST) WHERE "events"."brief_id" is not null;--> statement-breakpoint
CREATE INDEX "workstreams_by_age" ON "workstreams" USING btree ("run_id","created_at","workstream_id");--> statement-breakpoint
-- Written by hand: a view that counts from indexes alone. Rows that every write touches would make claims wait for each other.
CREATE VIEW "tallies" (run_id, subject, label, n) AS
	SELECT run_id, 'workstreams', status, count(*) FROM workstreams GROUP BY run_id, status
	UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
	UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind;
`,
  },
];
