// Made from migrations/sqlite by npm run db:embed. Do not edit.
import type { Migration } from "../../engine/history.ts";
import type { MadeObject } from "./schema.ts";

export const migrations: readonly Migration[] = [
  {
    tag: "0000_reference",
    when: 1795475671541,
    hash: "56a103e91035fac2d72fd4c32d4b2c7ecaa4cfae2572db8c1ba21f6f99387f33",
    sql: `CREATE TABLE \`briefs\` (
	\`brief_id\` text PRIMARY KEY,
	\`run_id\` text NOT NULL,
	\`parent_brief_id\` text,
	\`workstream_id\` text,
	\`tier\` integer NOT NULL,
	\`role\` text NOT NULL,
	\`status\` text DEFAULT 'pending' NOT NULL,
	\`payload\` text,
	\`result\` text,
	\`retry_count\` integer DEFAULT 0 NOT NULL,
	\`created_at\` text NOT NULL,
	\`updated_at\` text NOT NULL,
	FOREIGN KEY (\`run_id\`) REFERENCES \`runs\`(\`run_id\`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE \`events\` (
	\`event_id\` text PRIMARY KEY,
	\`run_id\` text NOT NULL,
	\`brief_id\` text,
	\`kind\` text NOT NULL,
	\`detail\` text,
	\`created_at\` text NOT NULL,
	FOREIGN KEY (\`run_id\`) REFERENCES \`runs\`(\`run_id\`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE \`runs\` (
	\`run_id\` text PRIMARY KEY,
	\`goal\` text NOT NULL,
	\`status\` text DEFAULT 'pending' NOT NULL,
	\`created_at\` text NOT NULL,
	\`updated_at\` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE \`workstreams\` (
	\`workstream_id\` text PRIMARY KEY,
	\`run_id\` text NOT NULL,
	\`name\` text NOT NULL,
	\`tier\` integer NOT NULL,
	\`status\` text DEFAULT 'pending' NOT NULL,
	\`owner_agent_id\` text,
	\`created_at\` text NOT NULL,
	\`updated_at\` text NOT NULL,
	FOREIGN KEY (\`run_id\`) REFERENCES \`runs\`(\`run_id\`) ON UPDATE no action ON DELETE no action
);
`,
  },
  {
    tag: "0001_events_seq",
    when: 1795475672730,
    hash: "ecbe3ba3e49d9d6f1e43efa609964105d9f8ad205ca9d5ae7dfeaadac714f3a2",
    sql: `PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE \`__new_events\` (
	\`seq\` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	\`event_id\` text NOT NULL,
	\`run_id\` text NOT NULL,
	\`brief_id\` text,
	\`kind\` text NOT NULL,
	\`detail\` text,
	\`created_at\` text NOT NULL,
	FOREIGN KEY (\`run_id\`) REFERENCES \`runs\`(\`run_id\`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
-- Written by hand: drizzle-kit copies a "seq" that the old table does not have. The reference allows an event without an id.
INSERT INTO \`__new_events\`("event_id", "run_id", "brief_id", "kind", "detail", "created_at")
	SELECT coalesce("event_id", lower(hex(randomblob(16)))), "run_id", "brief_id", "kind", "detail", "created_at"
	FROM \`events\` ORDER BY rowid;--> statement-breakpoint
DROP TABLE \`events\`;--> statement-breakpoint
ALTER TABLE \`__new_events\` RENAME TO \`events\`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX \`events_event_id_unique\` ON \`events\` (\`event_id\`);`,
  },
  {
    tag: "0002_claims",
    when: 1795895374280,
    hash: "927b239e5c1eb21c07a0710c3ba253cd63124d7146afb729e226f619f4a0bf9e",
    sql: `CREATE TABLE \`dependencies\` (
	\`run_id\` text NOT NULL,
	\`brief_id\` text NOT NULL,
	\`blocker_id\` text NOT NULL,
	PRIMARY KEY(\`run_id\`, \`blocker_id\`, \`brief_id\`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX \`dependencies_of_brief\` ON \`dependencies\` (\`run_id\`,\`brief_id\`,\`blocker_id\`);--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`attempt\` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`claimed_by\` text;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`lease_expires_at\` text;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`claimed_at\` text;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`priority\` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`not_before\` text;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`waits_for\` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`parked\` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE \`briefs\` ADD \`progress\` text;--> statement-breakpoint
CREATE INDEX \`briefs_by_status\` ON \`briefs\` (\`run_id\`,\`status\`,\`created_at\`,\`brief_id\`);--> statement-breakpoint
CREATE INDEX \`briefs_ready\` ON \`briefs\` (\`run_id\`,priority desc,\`created_at\`,\`brief_id\`) WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX \`briefs_ready_by_role\` ON \`briefs\` (\`run_id\`,\`role\`,priority desc,\`created_at\`,\`brief_id\`) WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX \`briefs_leased\` ON \`briefs\` (\`run_id\`,\`lease_expires_at\`,\`brief_id\`) WHERE "briefs"."lease_expires_at" is not null;--> statement-breakpoint
CREATE INDEX \`briefs_delayed\` ON \`briefs\` (\`run_id\`,\`not_before\`,\`brief_id\`) WHERE parked = 1;--> statement-breakpoint
CREATE INDEX \`briefs_blocked\` ON \`briefs\` (\`run_id\`,\`workstream_id\`) WHERE parked = 2;--> statement-breakpoint
-- Written by hand from here on. A brief waits for as many briefs as its dependencies name that are not done: those that are
-- missing count too. A unary plus keeps the planner from an index that begins with the run, which was ten times slower.
-- UPDATE FROM, and few dependents by declaration, since with statistics of a small run the planner otherwise reads all briefs at each
-- completion. LIMIT keeps the subquery separate. A brief without dependents has nothing to update.
CREATE TRIGGER dependencies_insert AFTER INSERT ON dependencies
WHEN NOT EXISTS (SELECT 1 FROM briefs WHERE brief_id = NEW.blocker_id AND +run_id = NEW.run_id AND status = 'done') BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 WHERE brief_id = NEW.brief_id AND +run_id = NEW.run_id;
END;--> statement-breakpoint
CREATE TRIGGER dependencies_delete AFTER DELETE ON dependencies
WHEN NOT EXISTS (SELECT 1 FROM briefs WHERE brief_id = OLD.blocker_id AND +run_id = OLD.run_id AND status = 'done') BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 WHERE brief_id = OLD.brief_id AND +run_id = OLD.run_id;
END;--> statement-breakpoint
CREATE TRIGGER briefs_blocker_done AFTER UPDATE OF status ON briefs
WHEN NEW.status = 'done' AND OLD.status <> 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END;--> statement-breakpoint
CREATE TRIGGER briefs_blocker_undone AFTER UPDATE OF status ON briefs
WHEN OLD.status = 'done' AND NEW.status <> 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END;--> statement-breakpoint
CREATE TRIGGER briefs_blocker_insert AFTER INSERT ON briefs
WHEN NEW.status = 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END;--> statement-breakpoint
CREATE TRIGGER briefs_blocker_delete AFTER DELETE ON briefs
WHEN OLD.status = 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = OLD.run_id AND blocker_id = OLD.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = OLD.run_id AND blocker_id = OLD.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = OLD.run_id;
END;--> statement-breakpoint
CREATE TRIGGER briefs_dependencies_delete AFTER DELETE ON briefs BEGIN
	DELETE FROM dependencies WHERE run_id = OLD.run_id AND brief_id = OLD.brief_id;
END;--> statement-breakpoint
-- Claims park the pending briefs of a blocked workstream.
CREATE TRIGGER workstreams_unblocked AFTER UPDATE OF status ON workstreams
WHEN OLD.status = 'blocked' AND NEW.status <> 'blocked' BEGIN
	UPDATE briefs SET parked = 0 WHERE run_id = NEW.run_id AND workstream_id = NEW.workstream_id AND parked = 2;
END;
`,
  },
  {
    tag: "0003_tallies",
    when: 1795895379267,
    hash: "abe6eb2c4b8cc08b5610184f624bca7512a731d11d5d0279302e8c34d90bbfe2",
    sql: `CREATE TABLE \`tallies\` (
	\`run_id\` text NOT NULL,
	\`subject\` text NOT NULL,
	\`label\` text NOT NULL,
	\`n\` integer NOT NULL,
	PRIMARY KEY(\`run_id\`, \`subject\`, \`label\`)
);
--> statement-breakpoint
CREATE INDEX \`briefs_by_age\` ON \`briefs\` (\`run_id\`,\`created_at\`,\`brief_id\`,\`role\`,\`tier\`,\`workstream_id\`);--> statement-breakpoint
CREATE INDEX \`briefs_by_parent\` ON \`briefs\` (\`run_id\`,\`parent_brief_id\`,\`created_at\`,\`brief_id\`);--> statement-breakpoint
CREATE INDEX \`events_by_kind\` ON \`events\` (\`kind\`,\`run_id\`);--> statement-breakpoint
CREATE INDEX \`events_by_brief\` ON \`events\` (\`brief_id\`) WHERE "events"."brief_id" is not null;--> statement-breakpoint
CREATE INDEX \`workstreams_by_age\` ON \`workstreams\` (\`run_id\`,\`created_at\`,\`workstream_id\`);--> statement-breakpoint
-- Written by hand from here on. An UPSERT, since a status of another program's may be one that nobody knows; its DO UPDATE
-- stands whatever OR IGNORE or OR REPLACE the statement has that fires it.
INSERT INTO tallies (run_id, subject, label, n)
	SELECT run_id, 'workstreams', status, count(*) FROM workstreams GROUP BY run_id, status
	UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
	UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind;--> statement-breakpoint
CREATE TRIGGER workstreams_tally_insert AFTER INSERT ON workstreams BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'workstreams', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;--> statement-breakpoint
CREATE TRIGGER workstreams_tally_delete AFTER DELETE ON workstreams BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'workstreams' AND label = OLD.status;
END;--> statement-breakpoint
CREATE TRIGGER workstreams_tally_update AFTER UPDATE OF status, run_id ON workstreams
WHEN NEW.status <> OLD.status OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'workstreams' AND label = OLD.status;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'workstreams', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;--> statement-breakpoint
CREATE TRIGGER briefs_tally_insert AFTER INSERT ON briefs BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'briefs', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;--> statement-breakpoint
CREATE TRIGGER briefs_tally_delete AFTER DELETE ON briefs BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'briefs' AND label = OLD.status;
END;--> statement-breakpoint
CREATE TRIGGER briefs_tally_update AFTER UPDATE OF status, run_id ON briefs
WHEN NEW.status <> OLD.status OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'briefs' AND label = OLD.status;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'briefs', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;--> statement-breakpoint
CREATE TRIGGER events_tally_insert AFTER INSERT ON events BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'events', NEW.kind, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;--> statement-breakpoint
CREATE TRIGGER events_tally_delete AFTER DELETE ON events BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'events' AND label = OLD.kind;
END;--> statement-breakpoint
CREATE TRIGGER events_tally_update AFTER UPDATE OF kind, run_id ON events
WHEN NEW.kind <> OLD.kind OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'events' AND label = OLD.kind;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'events', NEW.kind, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;
`,
  },
];

/** What all of them make, in this order. */
export const schema: readonly MadeObject[] = [
  {
    type: "table",
    name: "briefs",
    table: "briefs",
    sql: `CREATE TABLE \`briefs\` (
	\`brief_id\` text PRIMARY KEY,
	\`run_id\` text NOT NULL,
	\`parent_brief_id\` text,
	\`workstream_id\` text,
	\`tier\` integer NOT NULL,
	\`role\` text NOT NULL,
	\`status\` text DEFAULT 'pending' NOT NULL,
	\`payload\` text,
	\`result\` text,
	\`retry_count\` integer DEFAULT 0 NOT NULL,
	\`created_at\` text NOT NULL,
	\`updated_at\` text NOT NULL, \`attempt\` integer DEFAULT 0 NOT NULL, \`claimed_by\` text, \`lease_expires_at\` text, \`claimed_at\` text, \`priority\` integer DEFAULT 0 NOT NULL, \`not_before\` text, \`waits_for\` integer DEFAULT 0 NOT NULL, \`parked\` integer DEFAULT 0 NOT NULL, \`progress\` text,
	FOREIGN KEY (\`run_id\`) REFERENCES \`runs\`(\`run_id\`) ON UPDATE no action ON DELETE no action
)`,
    lines: [
      "column brief_id TEXT PRIMARY KEY 1",
      "column run_id TEXT NOT NULL",
      "column parent_brief_id TEXT",
      "column workstream_id TEXT",
      "column tier INTEGER NOT NULL",
      "column role TEXT NOT NULL",
      "column status TEXT NOT NULL DEFAULT 'pending'",
      "column payload TEXT",
      "column result TEXT",
      "column retry_count INTEGER NOT NULL DEFAULT 0",
      "column created_at TEXT NOT NULL",
      "column updated_at TEXT NOT NULL",
      "column attempt INTEGER NOT NULL DEFAULT 0",
      "column claimed_by TEXT",
      "column lease_expires_at TEXT",
      "column claimed_at TEXT",
      "column priority INTEGER NOT NULL DEFAULT 0",
      "column not_before TEXT",
      "column waits_for INTEGER NOT NULL DEFAULT 0",
      "column parked INTEGER NOT NULL DEFAULT 0",
      "column progress TEXT",
      "key (run_id) to runs(run_id) on update NO ACTION on delete NO ACTION",
      "kind table",
    ],
  },
  {
    type: "table",
    name: "runs",
    table: "runs",
    sql: `CREATE TABLE \`runs\` (
	\`run_id\` text PRIMARY KEY,
	\`goal\` text NOT NULL,
	\`status\` text DEFAULT 'pending' NOT NULL,
	\`created_at\` text NOT NULL,
	\`updated_at\` text NOT NULL
)`,
    lines: [
      "column run_id TEXT PRIMARY KEY 1",
      "column goal TEXT NOT NULL",
      "column status TEXT NOT NULL DEFAULT 'pending'",
      "column created_at TEXT NOT NULL",
      "column updated_at TEXT NOT NULL",
      "kind table",
    ],
  },
  {
    type: "table",
    name: "workstreams",
    table: "workstreams",
    sql: `CREATE TABLE \`workstreams\` (
	\`workstream_id\` text PRIMARY KEY,
	\`run_id\` text NOT NULL,
	\`name\` text NOT NULL,
	\`tier\` integer NOT NULL,
	\`status\` text DEFAULT 'pending' NOT NULL,
	\`owner_agent_id\` text,
	\`created_at\` text NOT NULL,
	\`updated_at\` text NOT NULL,
	FOREIGN KEY (\`run_id\`) REFERENCES \`runs\`(\`run_id\`) ON UPDATE no action ON DELETE no action
)`,
    lines: [
      "column workstream_id TEXT PRIMARY KEY 1",
      "column run_id TEXT NOT NULL",
      "column name TEXT NOT NULL",
      "column tier INTEGER NOT NULL",
      "column status TEXT NOT NULL DEFAULT 'pending'",
      "column owner_agent_id TEXT",
      "column created_at TEXT NOT NULL",
      "column updated_at TEXT NOT NULL",
      "key (run_id) to runs(run_id) on update NO ACTION on delete NO ACTION",
      "kind table",
    ],
  },
  {
    type: "table",
    name: "events",
    table: "events",
    sql: `CREATE TABLE "events" (
	\`seq\` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	\`event_id\` text NOT NULL,
	\`run_id\` text NOT NULL,
	\`brief_id\` text,
	\`kind\` text NOT NULL,
	\`detail\` text,
	\`created_at\` text NOT NULL,
	FOREIGN KEY (\`run_id\`) REFERENCES \`runs\`(\`run_id\`) ON UPDATE no action ON DELETE no action
)`,
    lines: [
      "column seq INTEGER PRIMARY KEY 1",
      "column event_id TEXT NOT NULL",
      "column run_id TEXT NOT NULL",
      "column brief_id TEXT",
      "column kind TEXT NOT NULL",
      "column detail TEXT",
      "column created_at TEXT NOT NULL",
      "key (run_id) to runs(run_id) on update NO ACTION on delete NO ACTION",
      "kind table",
      "AUTOINCREMENT",
    ],
  },
  {
    type: "index",
    name: "events_event_id_unique",
    table: "events",
    sql: `CREATE UNIQUE INDEX \`events_event_id_unique\` ON \`events\` (\`event_id\`)`,
    lines: [],
  },
  {
    type: "table",
    name: "dependencies",
    table: "dependencies",
    sql: `CREATE TABLE \`dependencies\` (
	\`run_id\` text NOT NULL,
	\`brief_id\` text NOT NULL,
	\`blocker_id\` text NOT NULL,
	PRIMARY KEY(\`run_id\`, \`blocker_id\`, \`brief_id\`)
) WITHOUT ROWID`,
    lines: [
      "column run_id TEXT PRIMARY KEY 1",
      "column brief_id TEXT PRIMARY KEY 3",
      "column blocker_id TEXT PRIMARY KEY 2",
      "kind table WITHOUT ROWID",
    ],
  },
  {
    type: "index",
    name: "dependencies_of_brief",
    table: "dependencies",
    sql: `CREATE INDEX \`dependencies_of_brief\` ON \`dependencies\` (\`run_id\`,\`brief_id\`,\`blocker_id\`)`,
    lines: [],
  },
  {
    type: "index",
    name: "briefs_by_status",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_by_status\` ON \`briefs\` (\`run_id\`,\`status\`,\`created_at\`,\`brief_id\`)`,
    lines: [],
  },
  {
    type: "index",
    name: "briefs_ready",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_ready\` ON \`briefs\` (\`run_id\`,priority desc,\`created_at\`,\`brief_id\`) WHERE status = 'pending' and waits_for = 0 and parked = 0`,
    lines: [],
  },
  {
    type: "index",
    name: "briefs_ready_by_role",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_ready_by_role\` ON \`briefs\` (\`run_id\`,\`role\`,priority desc,\`created_at\`,\`brief_id\`) WHERE status = 'pending' and waits_for = 0 and parked = 0`,
    lines: [],
  },
  {
    type: "index",
    name: "briefs_leased",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_leased\` ON \`briefs\` (\`run_id\`,\`lease_expires_at\`,\`brief_id\`) WHERE "briefs"."lease_expires_at" is not null`,
    lines: [],
  },
  {
    type: "index",
    name: "briefs_delayed",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_delayed\` ON \`briefs\` (\`run_id\`,\`not_before\`,\`brief_id\`) WHERE parked = 1`,
    lines: [],
  },
  {
    type: "index",
    name: "briefs_blocked",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_blocked\` ON \`briefs\` (\`run_id\`,\`workstream_id\`) WHERE parked = 2`,
    lines: [],
  },
  {
    type: "trigger",
    name: "dependencies_insert",
    table: "dependencies",
    sql: `CREATE TRIGGER dependencies_insert AFTER INSERT ON dependencies
WHEN NOT EXISTS (SELECT 1 FROM briefs WHERE brief_id = NEW.blocker_id AND +run_id = NEW.run_id AND status = 'done') BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 WHERE brief_id = NEW.brief_id AND +run_id = NEW.run_id;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "dependencies_delete",
    table: "dependencies",
    sql: `CREATE TRIGGER dependencies_delete AFTER DELETE ON dependencies
WHEN NOT EXISTS (SELECT 1 FROM briefs WHERE brief_id = OLD.blocker_id AND +run_id = OLD.run_id AND status = 'done') BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 WHERE brief_id = OLD.brief_id AND +run_id = OLD.run_id;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_blocker_done",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_blocker_done AFTER UPDATE OF status ON briefs
WHEN NEW.status = 'done' AND OLD.status <> 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_blocker_undone",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_blocker_undone AFTER UPDATE OF status ON briefs
WHEN OLD.status = 'done' AND NEW.status <> 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_blocker_insert",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_blocker_insert AFTER INSERT ON briefs
WHEN NEW.status = 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_blocker_delete",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_blocker_delete AFTER DELETE ON briefs
WHEN OLD.status = 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = OLD.run_id AND blocker_id = OLD.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = OLD.run_id AND blocker_id = OLD.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = OLD.run_id;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_dependencies_delete",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_dependencies_delete AFTER DELETE ON briefs BEGIN
	DELETE FROM dependencies WHERE run_id = OLD.run_id AND brief_id = OLD.brief_id;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "workstreams_unblocked",
    table: "workstreams",
    sql: `CREATE TRIGGER workstreams_unblocked AFTER UPDATE OF status ON workstreams
WHEN OLD.status = 'blocked' AND NEW.status <> 'blocked' BEGIN
	UPDATE briefs SET parked = 0 WHERE run_id = NEW.run_id AND workstream_id = NEW.workstream_id AND parked = 2;
END`,
    lines: [],
  },
  {
    type: "table",
    name: "tallies",
    table: "tallies",
    sql: `CREATE TABLE \`tallies\` (
	\`run_id\` text NOT NULL,
	\`subject\` text NOT NULL,
	\`label\` text NOT NULL,
	\`n\` integer NOT NULL,
	PRIMARY KEY(\`run_id\`, \`subject\`, \`label\`)
)`,
    lines: [
      "column run_id TEXT PRIMARY KEY 1",
      "column subject TEXT PRIMARY KEY 2",
      "column label TEXT PRIMARY KEY 3",
      "column n INTEGER NOT NULL",
      "kind table",
    ],
  },
  {
    type: "index",
    name: "briefs_by_age",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_by_age\` ON \`briefs\` (\`run_id\`,\`created_at\`,\`brief_id\`,\`role\`,\`tier\`,\`workstream_id\`)`,
    lines: [],
  },
  {
    type: "index",
    name: "briefs_by_parent",
    table: "briefs",
    sql: `CREATE INDEX \`briefs_by_parent\` ON \`briefs\` (\`run_id\`,\`parent_brief_id\`,\`created_at\`,\`brief_id\`)`,
    lines: [],
  },
  {
    type: "index",
    name: "events_by_kind",
    table: "events",
    sql: `CREATE INDEX \`events_by_kind\` ON \`events\` (\`kind\`,\`run_id\`)`,
    lines: [],
  },
  {
    type: "index",
    name: "events_by_brief",
    table: "events",
    sql: `CREATE INDEX \`events_by_brief\` ON \`events\` (\`brief_id\`) WHERE "events"."brief_id" is not null`,
    lines: [],
  },
  {
    type: "index",
    name: "workstreams_by_age",
    table: "workstreams",
    sql: `CREATE INDEX \`workstreams_by_age\` ON \`workstreams\` (\`run_id\`,\`created_at\`,\`workstream_id\`)`,
    lines: [],
  },
  {
    type: "trigger",
    name: "workstreams_tally_insert",
    table: "workstreams",
    sql: `CREATE TRIGGER workstreams_tally_insert AFTER INSERT ON workstreams BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'workstreams', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "workstreams_tally_delete",
    table: "workstreams",
    sql: `CREATE TRIGGER workstreams_tally_delete AFTER DELETE ON workstreams BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'workstreams' AND label = OLD.status;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "workstreams_tally_update",
    table: "workstreams",
    sql: `CREATE TRIGGER workstreams_tally_update AFTER UPDATE OF status, run_id ON workstreams
WHEN NEW.status <> OLD.status OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'workstreams' AND label = OLD.status;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'workstreams', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_tally_insert",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_tally_insert AFTER INSERT ON briefs BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'briefs', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_tally_delete",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_tally_delete AFTER DELETE ON briefs BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'briefs' AND label = OLD.status;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "briefs_tally_update",
    table: "briefs",
    sql: `CREATE TRIGGER briefs_tally_update AFTER UPDATE OF status, run_id ON briefs
WHEN NEW.status <> OLD.status OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'briefs' AND label = OLD.status;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'briefs', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "events_tally_insert",
    table: "events",
    sql: `CREATE TRIGGER events_tally_insert AFTER INSERT ON events BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'events', NEW.kind, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "events_tally_delete",
    table: "events",
    sql: `CREATE TRIGGER events_tally_delete AFTER DELETE ON events BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'events' AND label = OLD.kind;
END`,
    lines: [],
  },
  {
    type: "trigger",
    name: "events_tally_update",
    table: "events",
    sql: `CREATE TRIGGER events_tally_update AFTER UPDATE OF kind, run_id ON events
WHEN NEW.kind <> OLD.kind OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'events' AND label = OLD.kind;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'events', NEW.kind, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END`,
    lines: [],
  },
];
