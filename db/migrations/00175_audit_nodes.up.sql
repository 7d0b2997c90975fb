-- Which nodes keep receipts of audit events, and where: after a failover nothing is sealed by itself before those of every
-- one of them were looked at.

CREATE TABLE audit.nodes (
  id           uuid        NOT NULL CONSTRAINT nodes_pk PRIMARY KEY,
  host         text        NOT NULL CONSTRAINT nodes_host_length CHECK (length(host) BETWEEN 1 AND 255),
  folder       text        NOT NULL CONSTRAINT nodes_folder_length CHECK (length(folder) BETWEEN 1 AND 4000),
  known_at     timestamptz NOT NULL,
  forgotten_at timestamptz CONSTRAINT nodes_forgotten CHECK (forgotten_at >= known_at)
);
COMMENT ON TABLE audit.nodes IS 'Nodes that keep receipts of audit events: each makes itself known at its start';
COMMENT ON COLUMN audit.nodes.id IS 'What the file named node in its folder of receipts says';
COMMENT ON COLUMN audit.nodes.host IS 'The name of its machine';
COMMENT ON COLUMN audit.nodes.folder IS 'Where its receipts lie on that machine';
COMMENT ON COLUMN audit.nodes.forgotten_at IS 'When an operator said that its receipts are gone for good';
COMMENT ON CONSTRAINT nodes_host_length ON audit.nodes IS 'Must be 1 to 255 characters';
COMMENT ON CONSTRAINT nodes_folder_length ON audit.nodes IS 'Must be 1 to 4000 characters';
COMMENT ON CONSTRAINT nodes_forgotten ON audit.nodes IS 'A node is forgotten after it was known';
CALL kernel.share('audit.nodes', 'machines of the installation, nothing of a tenant');
GRANT INSERT, UPDATE (host, folder, forgotten_at) ON audit.nodes TO salus_app;
GRANT SELECT ON audit.nodes TO salus_sealer;
