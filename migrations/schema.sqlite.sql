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
	`updated_at` text NOT NULL, `attempt` integer DEFAULT 0 NOT NULL, `claimed_by` text, `lease_expires_at` text,
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

CREATE INDEX `briefs_by_status` ON `briefs` (`run_id`,`status`,`created_at`,`brief_id`);

CREATE INDEX `briefs_leased` ON `briefs` (`run_id`,`lease_expires_at`,`brief_id`) WHERE "briefs"."lease_expires_at" is not null;
