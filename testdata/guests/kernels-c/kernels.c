// Kernels for the metering's tests: small loops of many shapes, each of which takes its size and returns a number that depends on all that it did.
// They keep no ABI, and no run ever sees them.
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define SPACE (1 << 16)

static uint8_t bytes[SPACE];
static uint32_t words[SPACE / 4];
static double reals[SPACE / 8];

static uint32_t seed;
static uint32_t next(void) { return seed = seed * 1664525u + 1013904223u; }

static void fill(void) {
  seed = 42;
  for (int i = 0; i < SPACE / 4; i++) words[i] = next();
  for (int i = 0; i < SPACE; i++) bytes[i] = (uint8_t)(next() >> 24);
  for (int i = 0; i < SPACE / 8; i++) reals[i] = (double)(int32_t)next() / 65536;
}

uint64_t EXPORT(prepare)(uint32_t n) { fill(); return n; }

// The tightest loop that a compiler leaves in place.
uint64_t EXPORT(countdown)(uint32_t n) {
  uint32_t x = 1;
  for (uint32_t i = n; i; i--) __asm__ volatile("" : "+r"(x));
  return x + n;
}

uint64_t EXPORT(collatz)(uint32_t n) {
  uint64_t steps = 0;
  for (uint32_t i = 1; i <= n; i++)
    for (uint64_t x = i; x != 1; steps++) x = x & 1 ? 3 * x + 1 : x / 2;
  return steps;
}

uint64_t EXPORT(sum_words)(uint32_t n) {
  uint64_t sum = 0;
  while (n--)
    for (int i = 0; i < SPACE / 4; i++) {
      sum += words[i];
      __asm__ volatile("" : "+r"(sum)); // one word a turn
    }
  return sum;
}

uint64_t EXPORT(sum_vectors)(uint32_t n) {
  v128_t sum = wasm_i64x2_splat(0);
  while (n--)
    for (int i = 0; i < SPACE / 4; i += 4) {
      v128_t v = wasm_v128_load(words + i);
      sum = wasm_i64x2_add(sum, wasm_i64x2_add(wasm_u64x2_extend_low_u32x4(v), wasm_u64x2_extend_high_u32x4(v)));
    }
  return (uint64_t)(wasm_i64x2_extract_lane(sum, 0) + wasm_i64x2_extract_lane(sum, 1));
}

uint64_t EXPORT(bands)(uint32_t n) { // a comparison for each value, as guests do
  uint64_t at[4] = {0};
  while (n--)
    for (int i = 0; i < SPACE / 4; i++) {
      uint32_t age = words[i] >> 24;
      at[age <= 17 ? 0 : age <= 44 ? 1 : age <= 64 ? 2 : 3]++;
    }
  return at[0] + 3 * at[1] + 5 * at[2] + 7 * at[3];
}

uint64_t EXPORT(histogram)(uint32_t n) {
  static uint32_t count[256];
  while (n--)
    for (int i = 0; i < SPACE; i++) count[bytes[i]]++;
  uint64_t h = 0;
  for (int i = 0; i < 256; i++) h = h * 31 + count[i], count[i] = 0;
  return h;
}

uint64_t EXPORT(horner)(uint32_t n) {
  double sum = 0;
  while (n--)
    for (int i = 0; i < SPACE / 8; i++) sum = sum * 0.5 + reals[i] * reals[i] / (1 + reals[i] * reals[i]);
  return (uint64_t)(sum * 1e6);
}

uint64_t EXPORT(matrix)(uint32_t n) {
  static double c[32][32];
  double(*a)[32] = (double(*)[32])reals, (*b)[32] = (double(*)[32])(reals + 1024);
  while (n--)
    for (int i = 0; i < 32; i++)
      for (int j = 0; j < 32; j++) {
        double s = 0;
        for (int k = 0; k < 32; k++) s += a[i][k] * b[k][j];
        c[i][j] = s;
      }
  uint64_t h = 0;
  for (int i = 0; i < 32; i++) h += (uint64_t)(int64_t)c[i][31 - i];
  return h;
}

__attribute__((noinline)) static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
uint64_t EXPORT(fibonacci)(uint32_t n) { return fib(n); }

uint64_t EXPORT(sieve)(uint32_t n) {
  uint64_t primes = 0;
  while (n--) {
    __builtin_memset(bytes, 1, SPACE);
    for (uint32_t i = 2; i < SPACE; i++) {
      if (!bytes[i]) continue;
      primes++;
      for (uint32_t j = 2 * i; j < SPACE; j += i) bytes[j] = 0;
    }
  }
  return primes;
}

static void sort(int32_t *low, int32_t *high) {
  while (low < high) {
    int32_t pivot = low[(high - low) / 2], *l = low, *h = high;
    while (l <= h) {
      while (*l < pivot) l++;
      while (*h > pivot) h--;
      if (l <= h) { int32_t t = *l; *l++ = *h; *h-- = t; }
    }
    sort(low, h);
    low = l;
  }
}

uint64_t EXPORT(quicksort)(uint32_t n) {
  uint64_t h = 0;
  while (n--) {
    fill();
    sort((int32_t *)words, (int32_t *)words + SPACE / 4 - 1);
    for (int i = 1; i < SPACE / 4; i++) h += ((int32_t *)words)[i] >= ((int32_t *)words)[i - 1];
  }
  return h;
}

// A switch in a loop: an interpreter of bytes.
uint64_t EXPORT(interpret)(uint32_t n) {
  uint64_t a = 1, b = 2;
  while (n--)
    for (int i = 0; i < SPACE; i++) switch (bytes[i] & 15) {
      case 0: a += b; break;
      case 1: b ^= a; break;
      case 2: a = a << 1 | a >> 63; break;
      case 3: b -= i; break;
      case 4: a *= 3; break;
      case 5: b += words[i & 1023]; break;
      case 6: if (a & 1) b++; break;
      case 7: a ^= b >> 3; break;
      case 8: b = ~b; break;
      case 9: a += 7; break;
      case 10: b *= 5; break;
      case 11: a -= b; break;
      case 12: b ^= 0x9e3779b9; break;
      case 13: a = a > b ? a - b : b - a; break;
      case 14: { uint64_t t = a; a = b; b = t; } break;
      default: a++, b--; }
  return a ^ b;
}

typedef uint32_t (*step)(uint32_t);
static uint32_t add(uint32_t x) { return x + 7; }
static uint32_t mix(uint32_t x) { return x ^ x >> 5; }
static uint32_t twice(uint32_t x) { return x * 2 + 1; }
static uint32_t less(uint32_t x) { return x - x / 3; }
uint64_t EXPORT(indirect)(uint32_t n) {
  static step volatile steps[4] = {add, mix, twice, less};
  uint32_t x = 1;
  while (n--)
    for (int i = 0; i < SPACE / 16; i++) x = steps[x >> 3 & 3](x);
  return x;
}

uint64_t EXPORT(bulk)(uint32_t n) {
  while (n--) {
    __builtin_memcpy(bytes, words, SPACE / 2);
    __builtin_memset(bytes + SPACE / 2, (int)n, SPACE / 4);
    __builtin_memmove(bytes + 1000, bytes, SPACE / 2);
  }
  uint64_t h = 0;
  for (int i = 0; i < SPACE; i++) h = h * 31 + bytes[i];
  return h;
}

uint64_t EXPORT(lines)(uint32_t n) { // many short loops
  uint64_t h = 0;
  while (n--)
    for (int i = 0; i < SPACE;) {
      int length = 0;
      while (i < SPACE && bytes[i] > 30) length++, i++;
      i++;
      h = h * 31 + (uint64_t)length;
    }
  return h;
}

uint64_t EXPORT(chase)(uint32_t n) { // each load depends on the one before
  uint32_t at = 0;
  while (n--)
    for (int i = 0; i < SPACE / 4; i++) at = (words[at] + (uint32_t)i) % (SPACE / 4);
  return at;
}

uint64_t EXPORT(crc)(uint32_t n) {
  uint32_t c = 0xffffffff;
  while (n--)
    for (int i = 0; i < SPACE / 4; i++) {
      c ^= bytes[i];
      for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
    }
  return ~c;
}

uint64_t EXPORT(clamp)(uint32_t n) { // floats in vectors
  v128_t low = wasm_f64x2_splat(-1000), high = wasm_f64x2_splat(1000), sum = wasm_f64x2_splat(0);
  while (n--)
    for (int i = 0; i < SPACE / 8; i += 2)
      sum = wasm_f64x2_add(sum, wasm_f64x2_sqrt(wasm_f64x2_abs(wasm_f64x2_pmin(high, wasm_f64x2_pmax(low, wasm_v128_load(reals + i))))));
  return (uint64_t)((wasm_f64x2_extract_lane(sum, 0) + wasm_f64x2_extract_lane(sum, 1)) * 16);
}
