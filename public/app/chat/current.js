// Which session is looked at. Draws nothing, asks nothing.
// @ts-check

/**
 * What is looked at. `visit` tells apart visits, so that late answers of an earlier one are dropped; `edition` what was
 * said or taken away here, so that pages which were asked for before it are.
 * @type {{ id: string | null, session: any, before: string | null, isPaging: boolean, visit: number, edition: number, persona: string }}
 */
export const view = { id: null, session: null, before: null, isPaging: false, visit: 0, edition: 0, persona: "default" };
