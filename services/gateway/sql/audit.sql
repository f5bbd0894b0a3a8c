-- $1 ballot_paper_id, $2 payload
SELECT l.lane, l.lane_seq, l.topic, l.partition, l.kafka_offset, l.kafka_timestamp, l.received_at, l.event_id,
       l.source, l.kind, l.basis, l.revision, l.fate, l.reasons, l.detail, d.fate AS fate_now,
       d.reasons AS reasons_now, d.detail AS detail_now,
       (SELECT json_agg(json_build_object('fate', f.fate, 'reasons', f.reasons, 'detail', f.detail, 'by', f.by,
                                          'note', f.note, 'trigger_lane_seq', f.trigger_lane_seq,
                                          'recorded_at', f.recorded_at)
                        ORDER BY f.trigger_lane_seq, f.n)
          FROM api.fate_change f WHERE f.lane = l.lane AND f.lane_seq = l.lane_seq) AS changes,
       l.rules_version, l.writer_schema, encode(l.prev_hash, 'hex') AS prev_hash,
       encode(l.entry_hash, 'hex') AS entry_hash,
       CASE WHEN $2::boolean THEN translate(encode(l.payload, 'base64'), E'\n', '') END AS payload_base64
  FROM api.ballot_result b
  JOIN api.declaration d USING (election_id, ballot_paper_id)
  JOIN api.ledger l USING (lane, lane_seq)
 WHERE b.ballot_paper_id = $1
 ORDER BY l.lane, l.lane_seq
