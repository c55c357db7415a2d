CREATE TABLE "run_blackboard"."briefs" (
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
ALTER TABLE "run_blackboard"."workstreams" ADD CONSTRAINT "workstreams_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "run_blackboard"."runs"("run_id") ON DELETE no action ON UPDATE no action;