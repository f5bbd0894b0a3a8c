#include "common/base/sha256.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

static EVP_MD *algorithm; // fetched once: a fetch costs more than a short digest
static pthread_key_t context_key; // a thread's own context, which ends with it
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void free_context(void *context) {
    EVP_MD_CTX_free(context);
}

static void fetch(void) {
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (pthread_key_create(&context_key, free_context) != 0) {
        abort();
    }
}

void sha256(const void *bytes, size_t len, uint8_t digest[SHA256_BYTES]) {
    pthread_once(&fetched, fetch);
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        pthread_setspecific(context_key, context);
    }
    if (algorithm == NULL || context == NULL || EVP_DigestInit_ex2(context, algorithm, NULL) != 1 ||
        EVP_DigestUpdate(context, bytes, len) != 1 || EVP_DigestFinal_ex(context, digest, NULL) != 1) {
        abort();
    }
}
