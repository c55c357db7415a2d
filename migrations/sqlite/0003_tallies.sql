CREATE TABLE `tallies` (
	`run_id` text NOT NULL,
	`subject` text NOT NULL,
	`label` text NOT NULL,
	`n` integer NOT NULL,
	PRIMARY KEY(`run_id`, `subject`, `label`)
);
--> statement-breakpoint
CREATE INDEX `briefs_by_age` ON `briefs` (`run_id`,`created_at`,`brief_id`,`role`,`tier`,`workstream_id`);--> statement-breakpoint
CREATE INDEX `briefs_by_parent` ON `briefs` (`run_id`,`parent_brief_id`,`created_at`,`brief_id`);--> statement-breakpoint
CREATE INDEX `events_by_kind` ON `events` (`kind`,`run_id`);--> statement-breakpoint
CREATE INDEX `events_by_brief` ON `events` (`brief_id`) WHERE "events"."brief_id" is not null;--> statement-breakpoint
CREATE INDEX `workstreams_by_age` ON `workstreams` (`run_id`,`created_at`,`workstream_id`);--> statement-breakpoint
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
