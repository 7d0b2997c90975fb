DROP POLICY told_to_family ON school.school_immunization_requirements;
DROP POLICY submitted_by_family ON school.immunization_exemptions;
DROP POLICY their_school ON school.schools;
