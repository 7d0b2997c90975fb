//! The modules an organization works with, and the choice.

use super::{
    frame::{Form, Shown, Visit, html},
    home::json_of,
};
use crate::pages::modules::{self, ModulesView};
use salus_core::Error;
use salus_store::Call;
use serde_json::json;

/// GET `/modules`.
pub async fn show(visit: Visit) -> Shown {
    page(&visit, false).await
}

async fn page(visit: &Visit, changed: bool) -> Shown {
    let reply = json_of(visit.call("kernel.module.list", Call::default()).await?);
    let view: ModulesView = serde_json::from_value(reply).map_err(|e| visit.error(Error::internal(e)))?;
    let view = ModulesView { may_choose: visit.ctx.may("kernel.setting.write"), changed, ..view };
    Ok(html(&modules::render(&view, &visit.shell)))
}

/// POST `/modules`.
pub async fn choose(Form { visit, fields }: Form) -> Shown {
    let ticked = fields.iter().filter(|(_, value)| *value == "true");
    let modules: Vec<&str> = ticked.filter_map(|(name, _)| name.strip_prefix("module.")).collect();
    visit.call("kernel.module.choose", Call { body: json!({"modules": modules}), ..Call::default() }).await?;
    visit.app.callers.forget();
    page(&visit, true).await
}
