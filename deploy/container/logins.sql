-- A login each for the daemon and for readers, with the passwords of the environment; as often as one likes.
\getenv daemon_password DAEMON_PASSWORD
\getenv reader_password READER_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['results_daemon', 'results_reader']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE results_daemon PASSWORD :'daemon_password';
ALTER ROLE results_reader PASSWORD :'reader_password';
GRANT declared_ingest TO results_daemon;
GRANT declared_reader TO results_reader;
