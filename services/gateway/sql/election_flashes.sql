-- $1 election_id
SELECT f.*
  FROM api.flash f
 WHERE f.election_id = $1
 ORDER BY f.seq DESC,
          array_position(ARRAY['CALL_RETRACTED', 'LOSS_RETRACTED', 'CONTROL_LOST', 'CALL_READY', 'CALLED', 'FINAL'],
                        f.kind) DESC
