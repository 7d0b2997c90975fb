-- lossy: the history of proofs goes with its table
CALL kernel.forget('compliance.proofs');
DROP DOMAIN compliance.proof_name;
DROP DOMAIN compliance.proof_verdict;
