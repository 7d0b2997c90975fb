-- What a student and their family see and do of school health (docs/decisions/0169): the school of the student, whose clock and name
-- they are told by, and an exemption that they submit, which counts for nothing before somebody of the school approved it.

CREATE POLICY their_school ON school.schools FOR SELECT
  USING ((SELECT kernel.scope()) = 'own'
         AND id IN (SELECT p.school_id FROM school.student_profiles p WHERE p.patient_id IN (SELECT kernel.own_persons())));
CREATE POLICY submitted_by_family ON school.immunization_exemptions FOR INSERT
  WITH CHECK ((SELECT kernel.scope()) = 'own' AND (SELECT kernel.reaches('ward')) AND student_id IN (SELECT kernel.own_persons())
         AND status = 'SUBMITTED' AND decided_by IS NULL AND decided_at IS NULL);
CREATE POLICY told_to_family ON school.school_immunization_requirements FOR SELECT
  USING ((SELECT kernel.scope()) = 'own' AND EXISTS (SELECT FROM kernel.own_persons()));
