-- lossy: the reports of proofs
DELETE FROM kernel.fields WHERE table_name = 'compliance.proofs' AND column_name = 'report';
ALTER TABLE compliance.proofs DROP COLUMN report;
