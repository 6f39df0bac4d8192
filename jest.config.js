import { fileURLToPath } from 'node:url'

const root = (name) => fileURLToPath(new URL(name, import.meta.url))

/** One configuration for all packages: native ESM, types stripped by swc. */
export default {
  testEnvironment: root('jest.environment.js'),
  setupFiles: [root('jest.setup.js')],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
  },
  maxWorkers: 2,
  testTimeout: 60_000,
}
