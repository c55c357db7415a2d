-- Written by hand: see 0002.
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
