-- $1 date
SELECT f.*, c.council_id, c.council_name, c.region
  FROM api.flash f
  JOIN api.council_control c USING (election_id)
 WHERE c.poll_date = coalesce($1::date, (SELECT max(poll_date) FROM api.council_control))
 ORDER BY f.recorded_at DESC, f.election_id, f.seq DESC,
          array_position(ARRAY['CALL_RETRACTED', 'LOSS_RETRACTED', 'CONTROL_LOST', 'CALL_READY', 'CALLED', 'FINAL'],
                        f.kind) DESC
