-- lossy: the signing key goes with its table, so the log can be verified but not continued
-- The sealer's policies on partitions stay: audit.ensure_partitions makes them too.
REVOKE UPDATE (anchored) ON audit.checkpoints FROM salus_sealer;
REVOKE SELECT ON audit.redactions, audit.pruned_ranges FROM salus_sealer;
CALL kernel.forget('audit.signing_keys');
