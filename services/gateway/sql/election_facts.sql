-- $1 election_id, $2 at
SELECT f.*
  FROM api.story_fact_at(coalesce($2::timestamptz, 'infinity')) f
 WHERE f.election_id = $1
