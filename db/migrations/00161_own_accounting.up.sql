-- A person and whoever acts for them see the disclosures of the record as an accounting shows them: what an agency had suspended
-- is left out until its day (45 CFR 164.528(a)(2)), and of a record under HIPAA what no accounting lists. Under FERPA every
-- disclosure is shown (34 CFR 99.32).
CREATE POLICY accounting ON compliance.phi_disclosures AS RESTRICTIVE FOR SELECT
  USING ((SELECT kernel.is_staff()) OR (status <> 'VOIDED' AND (is_accountable OR regime LIKE 'FERPA%')
         AND (suspended_until IS NULL OR suspended_until < kernel.today())));
