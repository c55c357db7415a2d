-- A fresh file's schema. Made from migrations/sqlite by npm run db:check -- --write. Do not edit.

CREATE TABLE `briefs` (
	`brief_id` text PRIMARY KEY,
	`run_id` text NOT NULL,
	`parent_brief_id` text,
	`workstream_id` text,
	`tier` integer NOT NULL,
	`role` text NOT NULL,
	`status` text DEFAULT 'pending' NOT NULL,
	`payload` text,
	`result` text,
	`retry_count` integer DEFAULT 0 NOT NULL,
	`created_at` text NOT NULL,
	`updated_at` text NOT NULL, `attempt` integer DEFAULT 0 NOT NULL, `claimed_by` text, `lease_expires_at` text, `claimed_at` text, `priority` integer DEFAULT 0 NOT NULL, `not_before` text, `waits_for` integer DEFAULT 0 NOT NULL, `parked` integer DEFAULT 0 NOT NULL, `progress` text,
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`run_id`) ON UPDATE no action ON DELETE no action
);

CREATE TABLE `runs` (
	`run_id` text PRIMARY KEY,
	`goal` text NOT NULL,
	`status` text DEFAULT 'pending' NOT NULL,
	`created_at` text NOT NULL,
	`updated_at` text NOT NULL
);

CREATE TABLE `workstreams` (
	`workstream_id` text PRIMARY KEY,
	`run_id` text NOT NULL,
	`name` text NOT NULL,
	`tier` integer NOT NULL,
	`status` text DEFAULT 'pending' NOT NULL,
	`owner_agent_id` text,
	`created_at` text NOT NULL,
	`updated_at` text NOT NULL,
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`run_id`) ON UPDATE no action ON DELETE no action
);

CREATE TABLE "events" (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`event_id` text NOT NULL,
	`run_id` text NOT NULL,
	`brief_id` text,
	`kind` text NOT NULL,
	`detail` text,
	`created_at` text NOT NULL,
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`run_id`) ON UPDATE no action ON DELETE no action
);

CREATE UNIQUE INDEX `events_event_id_unique` ON `events` (`event_id`);

CREATE TABLE `dependencies` (
	`run_id` text NOT NULL,
	`brief_id` text NOT NULL,
	`blocker_id` text NOT NULL,
	PRIMARY KEY(`run_id`, `blocker_id`, `brief_id`)
) WITHOUT ROWID;

CREATE INDEX `dependencies_of_brief` ON `dependencies` (`run_id`,`brief_id`,`blocker_id`);

CREATE INDEX `briefs_by_status` ON `briefs` (`run_id`,`status`,`created_at`,`brief_id`);

CREATE INDEX `briefs_ready` ON `briefs` (`run_id`,priority desc,`created_at`,`brief_id`) WHERE status = 'pending' and waits_for = 0 and parked = 0;

CREATE INDEX `briefs_ready_by_role` ON `briefs` (`run_id`,`role`,priority desc,`created_at`,`brief_id`) WHERE status = 'pending' and waits_for = 0 and parked = 0;

CREATE INDEX `briefs_leased` ON `briefs` (`run_id`,`lease_expires_at`,`brief_id`) WHERE "briefs"."lease_expires_at" is not null;

CREATE INDEX `briefs_delayed` ON `briefs` (`run_id`,`not_before`,`brief_id`) WHERE parked = 1;

CREATE INDEX `briefs_blocked` ON `briefs` (`run_id`,`workstream_id`) WHERE parked = 2;

CREATE TRIGGER dependencies_insert AFTER INSERT ON dependencies
WHEN NOT EXISTS (SELECT 1 FROM briefs WHERE brief_id = NEW.blocker_id AND +run_id = NEW.run_id AND status = 'done') BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 WHERE brief_id = NEW.brief_id AND +run_id = NEW.run_id;
END;

CREATE TRIGGER dependencies_delete AFTER DELETE ON dependencies
WHEN NOT EXISTS (SELECT 1 FROM briefs WHERE brief_id = OLD.blocker_id AND +run_id = OLD.run_id AND status = 'done') BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 WHERE brief_id = OLD.brief_id AND +run_id = OLD.run_id;
END;

CREATE TRIGGER briefs_blocker_done AFTER UPDATE OF status ON briefs
WHEN NEW.status = 'done' AND OLD.status <> 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END;

CREATE TRIGGER briefs_blocker_undone AFTER UPDATE OF status ON briefs
WHEN OLD.status = 'done' AND NEW.status <> 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END;

CREATE TRIGGER briefs_blocker_insert AFTER INSERT ON briefs
WHEN NEW.status = 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for - 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = NEW.run_id AND blocker_id = NEW.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = NEW.run_id;
END;

CREATE TRIGGER briefs_blocker_delete AFTER DELETE ON briefs
WHEN OLD.status = 'done'
	AND EXISTS (SELECT 1 FROM dependencies WHERE run_id = OLD.run_id AND blocker_id = OLD.brief_id) BEGIN
	UPDATE briefs SET waits_for = waits_for + 1 FROM (
		SELECT brief_id FROM dependencies WHERE run_id = OLD.run_id AND blocker_id = OLD.brief_id LIMIT -1) AS dependency
		WHERE likelihood(dependency.brief_id IS NOT NULL, 0.000001) AND briefs.brief_id = dependency.brief_id AND +briefs.run_id = OLD.run_id;
END;

CREATE TRIGGER briefs_dependencies_delete AFTER DELETE ON briefs BEGIN
	DELETE FROM dependencies WHERE run_id = OLD.run_id AND brief_id = OLD.brief_id;
END;

CREATE TRIGGER workstreams_unblocked AFTER UPDATE OF status ON workstreams
WHEN OLD.status = 'blocked' AND NEW.status <> 'blocked' BEGIN
	UPDATE briefs SET parked = 0 WHERE run_id = NEW.run_id AND workstream_id = NEW.workstream_id AND parked = 2;
END;

CREATE TABLE `tallies` (
	`run_id` text NOT NULL,
	`subject` text NOT NULL,
	`label` text NOT NULL,
	`n` integer NOT NULL,
	PRIMARY KEY(`run_id`, `subject`, `label`)
);

CREATE INDEX `briefs_by_age` ON `briefs` (`run_id`,`created_at`,`brief_id`,`role`,`tier`,`workstream_id`);

CREATE INDEX `briefs_by_parent` ON `briefs` (`run_id`,`parent_brief_id`,`created_at`,`brief_id`);

CREATE INDEX `events_by_kind` ON `events` (`kind`,`run_id`);

CREATE INDEX `events_by_brief` ON `events` (`brief_id`) WHERE "events"."brief_id" is not null;

CREATE INDEX `workstreams_by_age` ON `workstreams` (`run_id`,`created_at`,`workstream_id`);

CREATE TRIGGER workstreams_tally_insert AFTER INSERT ON workstreams BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'workstreams', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER workstreams_tally_delete AFTER DELETE ON workstreams BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'workstreams' AND label = OLD.status;
END;

CREATE TRIGGER workstreams_tally_update AFTER UPDATE OF status, run_id ON workstreams
WHEN NEW.status <> OLD.status OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'workstreams' AND label = OLD.status;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'workstreams', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER briefs_tally_insert AFTER INSERT ON briefs BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'briefs', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER briefs_tally_delete AFTER DELETE ON briefs BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'briefs' AND label = OLD.status;
END;

CREATE TRIGGER briefs_tally_update AFTER UPDATE OF status, run_id ON briefs
WHEN NEW.status <> OLD.status OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'briefs' AND label = OLD.status;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'briefs', NEW.status, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER events_tally_insert AFTER INSERT ON events BEGIN
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'events', NEW.kind, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER events_tally_delete AFTER DELETE ON events BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'events' AND label = OLD.kind;
END;

CREATE TRIGGER events_tally_update AFTER UPDATE OF kind, run_id ON events
WHEN NEW.kind <> OLD.kind OR NEW.run_id <> OLD.run_id BEGIN
	UPDATE tallies SET n = n - 1 WHERE run_id = OLD.run_id AND subject = 'events' AND label = OLD.kind;
	INSERT INTO tallies (run_id, subject, label, n) VALUES (NEW.run_id, 'events', NEW.kind, 1)
		ON CONFLICT (run_id, subject, label) DO UPDATE SET n = n + 1;
END;
