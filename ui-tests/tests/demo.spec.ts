import { expect, test } from '@jupyterlab/galata';

import { openPanel, SCOPE } from '../panel';

test('the demo starts from the panel, and ends from there', async ({
  page
}) => {
  test.setTimeout(180_000);
  const panel = await openPanel(page);
  const open = async () => {
    await panel.button('More').click();
    await page.getByRole('menuitem', { name: /Try the Demo/ }).click();
  };
  await open();
  await panel.button('Start the demo').click();
  await expect(panel.root).toContainText(
    'Rucio, two storages and a CS3 cloud',
    {
      timeout: 30_000
    }
  );

  await expect(panel.button('Instance: Rucio demo')).toBeVisible({
    timeout: 90_000
  });
  await expect(panel.button(/^Account: alice/)).toBeVisible();
  await expect(panel.root.getByLabel('Scope', { exact: true })).toHaveValue(
    SCOPE
  );
  await expect(panel.rows.first()).toBeVisible();

  await open();
  await panel.button('End the demo').click();
  await expect(panel.button('Instance: Test grid')).toBeVisible();
  await expect(panel.button('Start the demo')).toBeVisible({ timeout: 30_000 });
});
