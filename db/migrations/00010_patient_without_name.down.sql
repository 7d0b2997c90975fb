-- lossy: the reasons go with their column
DELETE FROM kernel.fields WHERE table_name = 'medical.patients' AND column_name = 'name_absence';
ALTER TABLE medical.patients DROP COLUMN name_absence;
DROP DOMAIN medical.name_absence;
