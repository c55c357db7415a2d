ALTER TABLE "briefs" ADD COLUMN "attempt" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "claimed_by" text;--> statement-breakpoint
ALTER TABLE "briefs" ADD COLUMN "lease_expires_at" text COLLATE "C";--> statement-breakpoint
CREATE INDEX "briefs_by_status" ON "briefs" USING btree ("run_id","status","created_at" NULLS FIRST,"brief_id");--> statement-breakpoint
CREATE INDEX "briefs_leased" ON "briefs" USING btree ("run_id","lease_expires_at","brief_id") WHERE "briefs"."lease_expires_at" is not null;