CREATE INDEX "briefs_by_age" ON "run_blackboard"."briefs" USING btree ("run_id","created_at","brief_id","role","tier","workstream_id");--> statement-breakpoint
CREATE INDEX "briefs_by_parent" ON "run_blackboard"."briefs" USING btree ("run_id","parent_brief_id","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "events_by_kind" ON "run_blackboard"."events" USING btree ("run_id","kind","seq" NULLS FIRST);--> statement-breakpoint
CREATE INDEX "events_by_brief" ON "run_blackboard"."events" USING btree ("run_id","brief_id","seq" NULLS FIRST) WHERE "run_blackboard"."events"."brief_id" is not null;--> statement-breakpoint
CREATE INDEX "workstreams_by_age" ON "run_blackboard"."workstreams" USING btree ("run_id","created_at","workstream_id");--> statement-breakpoint
-- Written by hand: a view that counts from indexes alone. Rows that every write touches would make claims wait for each other.
CREATE VIEW "run_blackboard"."tallies" (run_id, subject, label, n) AS
	SELECT run_id, 'workstreams', status, count(*) FROM "run_blackboard".workstreams GROUP BY run_id, status
	UNION ALL SELECT run_id, 'briefs', status, count(*) FROM "run_blackboard".briefs GROUP BY run_id, status
	UNION ALL SELECT run_id, 'events', kind, count(*) FROM "run_blackboard".events GROUP BY run_id, kind;
