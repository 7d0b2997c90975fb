-- lossy: when orders were in force goes
DELETE FROM kernel.fields WHERE table_name = 'school.student_medication_orders' AND column_name IN ('activated_at', 'stopped_at');
ALTER TABLE school.student_medication_orders DROP COLUMN activated_at, DROP COLUMN stopped_at;
