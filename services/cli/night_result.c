#include "services/cli/night.h"

#include "services/cli/random.h"

enum { STREAM_RESULT = 11, STREAM_REVISION, STREAM_OTHER };
enum { PARTY_LAB = 1 };

// Every party's candidates, its votes spread a little between them. Shares add up to all valid
// papers and no party has more candidates than seats, so no sum exceeds what the papers allow.
static size_t draw_votes(const Night *night, size_t ward_index, NightCandidate *candidates) {
    const NightWard *ward = &night->wards[ward_index];
    const NightCouncil *council = &night->councils[ward->council];
    Random random = random_for(night->options.seed, STREAM_RESULT, ward_index);
    uint64_t strength[NIGHT_PARTIES] = {0};
    uint64_t sum = 0;
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        uint64_t here = council->weights[p] * (uint64_t)random_between(&random, 40, 220);
        sum += strength[p] = ward->nominated[p] > 0 ? here + 1 : 0;
    }
    bool joint = random_below(&random, 2) == 0;
    uint64_t valid = (uint64_t)(ward->papers - ward->rejected);
    size_t count = 0;
    for (size_t p = 0; p < NIGHT_PARTIES; p++) {
        for (size_t i = 0; i < ward->nominated[p]; i++) {
            uint64_t votes = valid * strength[p] / sum * (uint64_t)random_between(&random, 880, 1000) / 1000;
            candidates[count++] =
                (NightCandidate){.party = (uint8_t)p, .joint = joint && p == PARTY_LAB, .votes = (int32_t)votes};
        }
    }
    return count;
}

static size_t rank_of(const NightCandidate *candidates, size_t count, size_t which) {
    size_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        bool ahead = candidates[i].votes > candidates[which].votes ||
                     (candidates[i].votes == candidates[which].votes && i < which);
        rank += i != which && ahead;
    }
    return rank;
}

// The most votes win; where the cut parts equal votes, a lot has.
static void elect(NightCandidate *candidates, size_t count, size_t seats) {
    int32_t last_in = INT32_MAX;
    int32_t first_out = -1;
    for (size_t i = 0; i < count; i++) {
        candidates[i].elected = rank_of(candidates, count, i) < seats;
        int32_t votes = candidates[i].votes;
        if (candidates[i].elected) {
            last_in = votes < last_in ? votes : last_in;
        } else {
            first_out = votes > first_out ? votes : first_out;
        }
    }
    for (size_t i = 0; i < count; i++) {
        candidates[i].by_lot = candidates[i].elected && last_in == first_out && candidates[i].votes == last_in;
    }
}

static void take_votes(NightCandidate *candidate, int64_t votes) {
    candidate->votes -= (int32_t)(votes < candidate->votes ? votes : candidate->votes);
}

// One revision in eight has two columns the wrong way round before it: the winner changes.
static void revise(const Night *night, const NightLine *line, NightCandidate *candidates, size_t count) {
    uint64_t which = (uint64_t)line->ward << 32 | (uint32_t)line->revision;
    Random random = random_for(night->options.seed, STREAM_REVISION, which);
    size_t seats = night->wards[line->ward].seats;
    if (random_below(&random, 8) != 0) {
        size_t whose = random_below(&random, count);
        take_votes(&candidates[whose], random_between(&random, 1, 9));
        return;
    }
    size_t in = 0;
    size_t out = 0;
    for (size_t i = 0; i < count; i++) {
        size_t rank = rank_of(candidates, count, i);
        in = rank == seats - 1 ? i : in;
        out = rank == seats ? i : out;
    }
    int32_t votes = candidates[in].votes;
    candidates[in].votes = candidates[out].votes;
    candidates[out].votes = votes;
}

// Other votes than the revision has, whatever those are.
static void contradict(NightCandidate *candidates, size_t count) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = candidates[i].votes > candidates[most].votes ? i : most;
    }
    take_votes(&candidates[most], 1);
}

size_t night_result(const Night *night, const NightLine *line, NightCandidate *candidates) {
    const NightWard *ward = &night->wards[line->ward];
    size_t count = draw_votes(night, line->ward, candidates);
    if (line->revision > 1) {
        revise(night, line, candidates, count);
    }
    if (line->other) {
        contradict(candidates, count);
    }
    elect(candidates, count, ward->seats);
    return count;
}
