#include "common/base/sha256.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

static EVP_MD *algorithm; // fetched once: a fetch costs more than a short digest
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void) {
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void sha256(const void *bytes, size_t len, uint8_t digest[SHA256_BYTES]) {
    static _Thread_local EVP_MD_CTX *context;
    pthread_once(&fetched, fetch);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
    }
    if (algorithm == NULL || context == NULL || EVP_DigestInit_ex2(context, algorithm, NULL) != 1 ||
        EVP_DigestUpdate(context, bytes, len) != 1 || EVP_DigestFinal_ex(context, digest, NULL) != 1) {
        abort();
    }
}
