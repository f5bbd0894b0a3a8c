-- $1 election_id
SELECT c.election_id, c.ballot_paper_id, b.ward_name, c.candidate_id, c.name, c.party_id, c.folded_party_id,
       c.description, c.votes, c.elected, c.elected_by_lot, c.rank
  FROM api.candidate_result c
  JOIN api.ballot_result b USING (election_id, ballot_paper_id)
 WHERE c.election_id = $1 AND b.election_id = $1
 ORDER BY b.ward_name, b.ballot_paper_id, c.rank, c.elected DESC, c.name, c.candidate_id
