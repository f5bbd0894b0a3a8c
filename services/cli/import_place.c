#include "services/cli/import_place.h"

#define ENGLAND "england"
#define SCOTLAND "scotland"
#define WALES "wales"
#define NORTHERN_IRELAND "northern-ireland"

// With the spellings that older ids have. Every other council is in England.
static const char *const in_scotland[] = {"aberdeen",
                                          "aberdeen-city",
                                          "aberdeenshire",
                                          "angus",
                                          "argyll-and-bute",
                                          "city-of-edinburgh",
                                          "clackmannanshire",
                                          "comhairle-nan-eilean-siar",
                                          "dumfries-and-galloway",
                                          "dundee",
                                          "dundee-city",
                                          "east-ayrshire",
                                          "east-dunbartonshire",
                                          "east-lothian",
                                          "east-renfrewshire",
                                          "edinburgh",
                                          "eilean-siar",
                                          "falkirk",
                                          "fife",
                                          "glasgow",
                                          "glasgow-city",
                                          "highland",
                                          "inverclyde",
                                          "midlothian",
                                          "moray",
                                          "na-h-eileanan-an-iar",
                                          "na-h-eileanan-siar",
                                          "north-ayrshire",
                                          "north-lanarkshire",
                                          "orkney",
                                          "orkney-islands",
                                          "perth-and-kinross",
                                          "renfrewshire",
                                          "scottish-borders",
                                          "shetland",
                                          "shetland-islands",
                                          "south-ayrshire",
                                          "south-lanarkshire",
                                          "stirling",
                                          "the-scottish-borders",
                                          "west-dunbartonshire",
                                          "west-lothian",
                                          NULL};

static const char *const in_wales[] = {"anglesey",
                                       "blaenau-gwent",
                                       "bridgend",
                                       "caerphilly",
                                       "cardiff",
                                       "carmarthenshire",
                                       "ceredigion",
                                       "conwy",
                                       "denbighshire",
                                       "flintshire",
                                       "gwynedd",
                                       "isle-of-anglesey",
                                       "merthyr-tydfil",
                                       "monmouthshire",
                                       "neath-port-talbot",
                                       "newport",
                                       "pembrokeshire",
                                       "powys",
                                       "rhondda-cynon-taf",
                                       "rhondda-cynon-taff",
                                       "swansea",
                                       "the-vale-of-glamorgan",
                                       "torfaen",
                                       "vale-of-glamorgan",
                                       "wrexham",
                                       "ynys-mon",
                                       NULL};

static const char *const in_northern_ireland[] = {"antrim-and-newtownabbey",
                                                  "ards-and-north-down",
                                                  "armagh-banbridge-and-craigavon",
                                                  "armagh-city-banbridge-and-craigavon",
                                                  "belfast",
                                                  "causeway-coast-and-glens",
                                                  "derry-and-strabane",
                                                  "derry-city-and-strabane",
                                                  "fermanagh-and-omagh",
                                                  "lisburn-and-castlereagh",
                                                  "mid-and-east-antrim",
                                                  "mid-ulster",
                                                  "newry-mourne-and-down",
                                                  NULL};

static bool is_in(const char *const *list, Str organisation) {
    for (; *list != NULL; list++) {
        if (str_equal_text(organisation, *list)) {
            return true;
        }
    }
    return false;
}

static const char *nation_of_gss(Str gss) {
    switch (gss.len == 9 ? gss.ptr[0] : '\0') {
    case 'E':
        return ENGLAND;
    case 'S':
        return SCOTLAND;
    case 'W':
        return WALES;
    case 'N':
        return NORTHERN_IRELAND;
    default:
        return NULL;
    }
}

static const char *nation_of_region(Str region) {
    if (str_equal_text(region, "Scotland")) {
        return SCOTLAND;
    }
    if (str_equal_text(region, "Wales")) {
        return WALES;
    }
    return str_equal_text(region, "Northern Ireland") ? NORTHERN_IRELAND : NULL;
}

const char *import_nation(Str organisation, Str ward_gss, Str region) {
    const char *nation = nation_of_gss(ward_gss);
    nation = nation != NULL ? nation : nation_of_region(region);
    if (nation != NULL) {
        return nation;
    }
    if (is_in(in_scotland, organisation)) {
        return SCOTLAND;
    }
    if (is_in(in_wales, organisation)) {
        return WALES;
    }
    return is_in(in_northern_ireland, organisation) ? NORTHERN_IRELAND : ENGLAND;
}

bool import_nation_counts_by_stv(const char *nation) {
    Str name = str_from(nation);
    return str_equal_text(name, SCOTLAND) || str_equal_text(name, NORTHERN_IRELAND);
}
