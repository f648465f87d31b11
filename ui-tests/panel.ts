import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { APIRequestContext, Locator } from '@playwright/test';

/** Open the Rucio panel, and find things in it as a user does: by roles and names. */
export async function openPanel(page: IJupyterLabPageFixture): Promise<Panel> {
  await page.sidebar.openTab('rucio-panel');
  return new Panel(page);
}

export class Panel {
  constructor(readonly page: IJupyterLabPageFixture) {
    this.root = page.getByRole('region', { name: 'Rucio', exact: true });
  }

  readonly root: Locator;

  button(name: string | RegExp): Locator {
    const exact = typeof name === 'string';
    return this.root.getByRole('button', { name, exact });
  }

  tab(name: string | RegExp): Locator {
    return this.root.getByRole('tab', { name });
  }

  get rows(): Locator {
    return this.root.getByRole('treeitem');
  }

  /** The row of a DID whose name has this text in it, wherever it was shortened. */
  row(text: string): Locator {
    return this.root
      .locator(`[role="treeitem"][aria-label*="${text}"]`)
      .first();
  }

  job(text: string): Locator {
    return this.root.locator(`li[aria-label*="${text}"]`).first();
  }

  async search(scope: string, name = ''): Promise<void> {
    await this.root.getByLabel('Scope', { exact: true }).fill(scope);
    const field = this.root.getByLabel('Name', { exact: true });
    await field.fill(name);
    await field.press('Enter');
  }

  /** Drag the edge of the side bar until the panel has this width, as far as it goes. */
  async resize(width: number): Promise<void> {
    const box = await this.root.boundingBox();
    if (!box) {
      throw new Error('The panel is not shown.');
    }
    const y = box.y + box.height / 2;
    await this.page.mouse.move(box.x + box.width + 2, y);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + width + 2, y, { steps: 5 });
    await this.page.mouse.up();
  }
}

export const SCOPE = 'demo26_13p6TeV';

/** Undo what an earlier attempt of a test has staged, so that each begins alike. */
export async function unstage(
  request: APIRequestContext,
  pattern: string
): Promise<void> {
  const api = 'rucio-jupyterlab/v1';
  const { jobs } = await (await request.get(`${api}/jobs`)).json();
  for (const { id } of jobs) {
    await request.post(`${api}/jobs/${id}/cancel`, { data: {} });
  }
  await request.post(`${api}/jobs/clear`, { data: {} });
  const query = {
    kind: 'search',
    scope: SCOPE,
    name: pattern,
    type: 'collection',
    filters: []
  };
  const instance = `${api}/instances/grid`;
  const answer = await request.post(`${instance}/listings`, {
    data: { query }
  });
  for (const { did } of (await answer.json()).rows) {
    await request.post(`${instance}/evict`, { data: { did } });
  }
}
