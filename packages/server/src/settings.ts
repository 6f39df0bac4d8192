import type { Settings } from '@lever/settings'

/** The settings of the server, as plain data; a command makes its flags of them. */
export const serverSettings = {
  host: { type: 'text', about: 'address to listen on', default: '127.0.0.1' },
  port: {
    type: 'number',
    about: 'port to listen on; 0 for any free one',
    default: 8080,
    min: 0,
    max: 65_535,
    whole: true,
  },
  upstream: {
    type: 'text',
    about:
      'base URL of an OpenAI-compatible server that answers, such as http://127.0.0.1:8000/v1; its key is read from LEVER_UPSTREAM_KEY',
    unset: 'the local model answers',
  },
  apiKey: {
    type: 'text',
    about:
      'key that clients must send as a bearer token; anybody on the machine can see it here, so prefer --api-key-file or LEVER_SERVE_KEY',
    unset: 'LEVER_SERVE_KEY, or none',
    notWith: { apiKeyFile: 'give the key in one of the two' },
  },
  apiKeyFile: { type: 'text', about: 'file that holds the key', unset: 'none' },
  withoutKey: { type: 'flag', about: 'listen on an address that others reach although there is no key' },
  writable: { type: 'flag', about: 'let clients add and remove examples' },
  imageHosts: {
    type: 'list',
    about: 'hosts whose http and https images may be fetched, such as images.example.com or example.com:8443',
    default: [],
  },
  hostNames: {
    type: 'list',
    about: 'further names by which clients may call a server that listens on this machine only',
    default: [],
  },
  maxBody: { type: 'number', about: 'largest body of a request, MiB', default: 24, min: 0.001 },
  maxImage: { type: 'number', about: 'largest image file, MiB', default: 10, min: 0.001 },
  maxRequests: {
    type: 'number',
    about: 'requests worked on at one time; one more is answered with 429',
    default: 64,
    min: 1,
    whole: true,
  },
  timeout: {
    type: 'number',
    about: 'seconds until an answer must have begun, 300 at most',
    default: 60,
    min: 0.1,
    max: 300,
  },
  logLevel: {
    type: 'text',
    about: 'what is logged: every request (info), refusals (warn), faults (error) or nothing (silent)',
    choices: ['info', 'warn', 'error', 'silent'],
    default: 'info',
  },
} as const

/** The settings of the server, checked and with their defaults. */
export type ServerSettings = Settings<typeof serverSettings>
