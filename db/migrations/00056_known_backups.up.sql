-- Which backups are known to exist: whoever was erased since is erased for good only when the last of them is gone.

CREATE TABLE kernel.backups (
  id       uuid        NOT NULL CONSTRAINT backups_pk PRIMARY KEY,
  began_at timestamptz NOT NULL,
  folder   text        NOT NULL CONSTRAINT backups_folder_length CHECK (length(folder) BETWEEN 1 AND 4000),
  noted_at timestamptz NOT NULL,
  gone_at  timestamptz CONSTRAINT backups_gone CHECK (gone_at >= noted_at)
);
COMMENT ON TABLE kernel.backups IS 'Backups that this installation took or found, and since when they are gone; copies put elsewhere are not known';
COMMENT ON COLUMN kernel.backups.began_at IS 'A person erased before this moment is not in it';
COMMENT ON COLUMN kernel.backups.folder IS 'Where it lies, or lay';
COMMENT ON COLUMN kernel.backups.gone_at IS 'When it was removed, or first missed';
COMMENT ON CONSTRAINT backups_folder_length ON kernel.backups IS 'Must be 1 to 4000 characters';
COMMENT ON CONSTRAINT backups_gone ON kernel.backups IS 'A backup is gone after it was noted';
CALL kernel.share('kernel.backups', 'when the installation was backed up, nothing of a tenant');
GRANT INSERT, UPDATE (folder, gone_at) ON kernel.backups TO salus_app;

ALTER TABLE kernel.installation ADD COLUMN backups_noted_at timestamptz;
COMMENT ON COLUMN kernel.installation.backups_noted_at IS 'When kernel.backups was last compared with what lies in the folders';
INSERT INTO kernel.fields (column_id, table_name, column_name, class) VALUES
  (kernel.column_id('kernel.installation', 'backups_noted_at'), 'kernel.installation', 'backups_noted_at', 'C0');
GRANT UPDATE (backups_noted_at) ON kernel.installation TO salus_app;
