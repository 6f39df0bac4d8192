import type { RawBodies } from '../app.ts'
import { openApi } from '../http/openapi.ts'
import type { Route } from '../http/route.ts'
import { chatRoutes } from './chat.ts'
import { exampleRoutes } from './examples.ts'
import { pageRoutes } from './page.ts'
import { selectRoute } from './select.ts'
import type { Serving } from './serving.ts'
import { statusRoutes } from './status.ts'

/** All routes. The OpenAPI document is made of the same table. */
export function allRoutes(serving: Serving, raw: RawBodies): readonly Route[] {
  const documented: Route = {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    access: 'open',
    responses: {
      200: { description: 'OpenAPI 3.1', type: 'application/json', schema: { type: 'object' } },
    },
    handler: () => document,
  }
  const routes = [
    selectRoute(serving),
    ...chatRoutes(serving, (request) => raw.of(request)),
    ...exampleRoutes(serving),
    ...statusRoutes(serving),
    ...pageRoutes(),
    documented,
  ]
  const document = openApi(routes, serving)
  return routes
}
