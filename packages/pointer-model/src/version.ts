/** Version of this package, written into checkpoints. */
export const VERSION = '0.1.0'
