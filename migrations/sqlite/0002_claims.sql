ALTER TABLE `briefs` ADD `attempt` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `briefs` ADD `claimed_by` text;--> statement-breakpoint
ALTER TABLE `briefs` ADD `lease_expires_at` text;--> statement-breakpoint
CREATE INDEX `briefs_by_status` ON `briefs` (`run_id`,`status`,`created_at`,`brief_id`);--> statement-breakpoint
CREATE INDEX `briefs_leased` ON `briefs` (`run_id`,`lease_expires_at`,`brief_id`) WHERE "briefs"."lease_expires_at" is not null;