REVOKE UPDATE (drilled_at, drill_well) ON kernel.installation FROM salus_app;
DELETE FROM kernel.fields WHERE table_name = 'kernel.installation' AND column_name IN ('drilled_at', 'drill_well');
ALTER TABLE kernel.installation DROP COLUMN drilled_at, DROP COLUMN drill_well;
