/**
 * sha256 of the wheels of the default version, as PyPI publishes them, so that a mirror cannot slip in another file. Wheels that are not
 * named here are checked against what the package index says.
 */
export const pinnedSha256: Readonly<Record<string, string>> = {
  'tensorflow_cpu-2.21.0-cp310-cp310-manylinux_2_27_x86_64.whl':
    'd143e92f5c0661cdfa26eaca8f73cd2efd0ec53a68af8dec82f584ba8eb14b83',
  'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl':
    '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  'tensorflow-2.21.0-cp310-cp310-manylinux_2_27_x86_64.whl':
    '77c6f298e695ea1d283cdd7d30f8d97530cc6e92c1395a9ddbab9771c99233a4',
  'tensorflow-2.21.0-cp310-cp310-manylinux_2_27_aarch64.whl':
    '7c97938b25cf70c80ae8619931f85abcdee2ab2eb256c2051202edb3b89e9a5d',
}
