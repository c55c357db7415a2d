CREATE TABLE `dependencies` (
	`run_id` text NOT NULL,
	`brief_id` text NOT NULL,
	`blocker_id` text NOT NULL,
	PRIMARY KEY(`run_id`, `blocker_id`, `brief_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `dependencies_of_brief` ON `dependencies` (`run_id`,`brief_id`,`blocker_id`);--> statement-breakpoint
ALTER TABLE `briefs` ADD `attempt` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `briefs` ADD `claimed_by` text;--> statement-breakpoint
ALTER TABLE `briefs` ADD `lease_expires_at` text;--> statement-breakpoint
ALTER TABLE `briefs` ADD `claimed_at` text;--> statement-breakpoint
ALTER TABLE `briefs` ADD `priority` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `briefs` ADD `not_before` text;--> statement-breakpoint
ALTER TABLE `briefs` ADD `waits_for` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `briefs` ADD `parked` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `briefs` ADD `progress` text;--> statement-breakpoint
CREATE INDEX `briefs_by_status` ON `briefs` (`run_id`,`status`,`created_at`,`brief_id`);--> statement-breakpoint
CREATE INDEX `briefs_ready` ON `briefs` (`run_id`,priority desc,`created_at`,`brief_id`) WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX `briefs_ready_by_role` ON `briefs` (`run_id`,`role`,priority desc,`created_at`,`brief_id`) WHERE status = 'pending' and waits_for = 0 and parked = 0;--> statement-breakpoint
CREATE INDEX `briefs_leased` ON `briefs` (`run_id`,`lease_expires_at`,`brief_id`) WHERE "briefs"."lease_expires_at" is not null;--> statement-breakpoint
CREATE INDEX `briefs_delayed` ON `briefs` (`run_id`,`not_before`,`brief_id`) WHERE parked = 1;--> statement-breakpoint
CREATE INDEX `briefs_blocked` ON `briefs` (`run_id`,`workstream_id`) WHERE parked = 2;--> statement-breakpoint
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
