-- lossy: until when supplies can be given
DELETE FROM kernel.fields WHERE table_name = 'school.student_medication_orders' AND column_name = 'supply_expires_on';
ALTER TABLE school.student_medication_orders DROP COLUMN supply_expires_on;
