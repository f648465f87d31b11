import { expect, test } from '@jupyterlab/galata';

import * as data from '../fake/data';
import { FakeServer } from '../fake/server';
import { openPanel } from '../panel';

const SCOPE = 'data25_13p6TeV';

test.use({ autoGoto: false });

test('after a reload the user is where he was', async ({ page }) => {
  const fake = new FakeServer();
  await fake.serve(page);
  await page.goto();
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*PHYSLITE*');
  await panel.button('Files').click();
  await panel.button('Filter').click();
  await panel.root.getByLabel('Key').fill('run_number');
  await panel.root.getByLabel('Value', { exact: true }).fill('358044');
  await panel.button('Add').click();
  const row = panel.row(data.dataset(1000).did.name);
  const tree = panel.root.getByRole('tree');
  await expect(async () => {
    await tree.evaluate(node => (node.scrollTop = 46_000));
    await expect(row).toBeVisible({ timeout: 500 });
  }).toPass();
  // JupyterLab writes its state a moment later.
  const saved = page.waitForResponse(
    response =>
      response.request().method() === 'PUT' &&
      response.url().includes('api/workspaces')
  );
  await panel.tab(/Jobs/).click();
  await panel.tab('Explore').click();
  await expect(row).toBeVisible();
  await saved;

  await page.reload();
  const again = await openPanel(page);
  await expect(again.tab('Explore')).toHaveAttribute('aria-selected', 'true');
  await expect(again.root.getByLabel('Scope', { exact: true })).toHaveValue(
    SCOPE
  );
  await expect(again.root).toContainText('1,204 results');
  await expect(again.button(/run_number = 358044/)).toBeVisible();
  await expect(again.button('Files')).toHaveAttribute('aria-pressed', 'true');
  await expect(again.row(data.dataset(1000).did.name)).toBeVisible();
});
