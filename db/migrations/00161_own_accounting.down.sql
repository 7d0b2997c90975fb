DROP POLICY accounting ON compliance.phi_disclosures;
