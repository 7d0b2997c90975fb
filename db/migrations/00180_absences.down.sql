-- lossy: absences go with their table; doses stay ABSENT without saying by which
DELETE FROM kernel.fields WHERE table_name = 'school.medication_administrations' AND column_name = 'absence_id';
ALTER TABLE school.medication_administrations DROP COLUMN absence_id;
DROP FUNCTION school.absence_at(uuid, uuid, timestamptz, timestamptz);
CALL kernel.forget('school.absences');
DROP DOMAIN school.absence_reason;
DROP DOMAIN school.absence_source;
