CREATE INDEX "briefs_by_age" ON "briefs" USING btree ("run_id","created_at","brief_id","role","tier","workstream_id");--> statement-breakpoint
CREATE INDEX "briefs_by_parent" ON "briefs" USING btree ("run_id","parent_brief_id","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "events_by_kind" ON "events" USING btree ("run_id","kind","seq" NULLS FIRST);--> statement-breakpoint
CREATE INDEX "events_by_brief" ON "events" USING btree ("run_id","brief_id","seq" NULLS FIRST) WHERE "events"."brief_id" is not null;--> statement-breakpoint
CREATE INDEX "workstreams_by_age" ON "workstreams" USING btree ("run_id","created_at","workstream_id");--> statement-breakpoint
-- Written by hand: a view that counts from indexes alone. Rows that every write touches would make claims wait for each other.
CREATE VIEW "tallies" (run_id, subject, label, n) AS
	SELECT run_id, 'workstreams', status, count(*) FROM workstreams GROUP BY run_id, status
	UNION ALL SELECT run_id, 'briefs', status, count(*) FROM briefs GROUP BY run_id, status
	UNION ALL SELECT run_id, 'events', kind, count(*) FROM events GROUP BY run_id, kind;
