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
    when: 1795643488864,
    hash: "0662a4bc02f406a0978681f8147f780df96b0e028ea89e44fda4255a7717767c",
    sql: `ALTER TABLE "briefs" ADD COLUMN "attempt" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "claimed_by" text;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "lease_expires_at" text COLLATE "C";--> statement-breakpoint
CREATE INDEX "briefs_by_status" ON "briefs" USING btree ("run_id","status","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "briefs_leased" ON "briefs" USING btree ("run_id","lease_expires_at","brief_id") WHERE "briefs"."lease_expires_at" is not null;`,
  },
  {
    tag: "0003_tallies",
    when: 1795645189515,
    hash: "c19df1784a2d8337f0b624bb8ab50f19455fcf250f0724226fb030ccefa92952",
    sql: `CREATE INDEX "briefs_by_age" ON "briefs" USING btree ("run_id","created_at","brief_id");--> statement-breakpoint
CREATE INDEX "briefs_by_role" ON "briefs" USING btree ("run_id","role","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "briefs_by_tier" ON "briefs" USING btree ("run_id","tier","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "briefs_by_workstream" ON "briefs" USING btree ("run_id","workstream_id","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "briefs_by_parent" ON "briefs" USING btree ("run_id","parent_brief_id","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "briefs_waiting_by_role" ON "briefs" USING btree ("run_id","role","created_at" NULLS FIRST,"brief_id" NULLS FIRST) WHERE status = 'pending';--> statement-breakpoint
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
