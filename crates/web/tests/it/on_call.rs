//! Who is on call, on its page: a gap said in words and filled, what is wrong said at its field, and a shift taken off.

use hyper::StatusCode;
use salus_domains::demo::{self, Size};
use salus_testkit::TestApp;

fn after<'a>(page: &'a str, start: &str) -> &'a str {
    page.split(start).nth(1).unwrap_or_else(|| panic!("no {start} in {page}")).split('"').next().unwrap()
}

#[tokio::test]
async fn a_gap_is_filled_and_a_shift_is_taken_off() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let lead = app.session("larkspur", tenant, "nurse_supervisor").await;
    assert!(lead.get("/alerts").await.text().contains("href=\"/alerts/on-call\""));
    let page = lead.get("/alerts/on-call").await.text();
    for shown in [
        "backup",
        "district",
        "Nobody is on call now",
        "High, Critical, Emergency",
        "Put somebody on",
        "America/Los_Angeles",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let csrf = after(&page, "name=\"_csrf\" value=\"").to_owned();
    let people = page.split("id=\"f-user_id\"").nth(1).unwrap();
    let who = people.split("A nurse_supervisor").next().unwrap().rsplit("value=\"").next().unwrap();
    let who = who.split('"').next().unwrap().to_owned();
    let add = async |fields: &[(&str, &str)]| {
        let all: Vec<(&str, &str)> = [("_csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        lead.submit("/alerts/on-call", &all).await
    };
    let empty = add(&[("list", ""), ("user_id", ""), ("starts_at", "soon"), ("ends_at", "")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["list", "user_id", "starts_at", "ends_at"] {
        assert!(empty.text().contains(&format!("id=\"f-{field}-error\"")), "{field}: {}", empty.text());
    }
    assert!(empty.text().contains("value=\"soon\"") && empty.text().contains("Is a date and time such as"));
    let gap = page.split("href=\"/alerts/on-call?").nth(1).unwrap().split('#').next().unwrap().replace("&amp;", "&");
    let gap: Vec<(String, String)> = form_urlencoded::parse(gap.as_bytes()).into_owned().collect();
    let of = |name: &str| gap.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let (list, starts, ends) = (of("list"), of("starts_at"), of("ends_at"));
    let turned = [("list", &*list), ("user_id", &who), ("starts_at", &ends), ("ends_at", &starts)];
    let told = add(&turned).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.text().contains("A shift ends after it begins"), "{}", told.text());
    let right = [("list", &*list), ("user_id", &who), ("starts_at", &starts), ("ends_at", &ends)];
    assert_eq!(add(&right).await.status, StatusCode::SEE_OTHER);
    let page = lead.get("/alerts/on-call?added=1").await.text();
    let card = page.split("id=\"list-0\"").nth(1).unwrap().split("id=\"list-1\"").next().unwrap();
    assert!(page.contains("The shift was added") && card.contains("Now: A nurse_supervisor"), "{card}");
    assert!(!card.contains("Put somebody on"), "there is no gap any more: {card}");
    let address =
        format!("/alerts/on-call/{}remove", after(card, "action=\"/alerts/on-call/").strip_suffix("remove").unwrap());
    let fields = [("_csrf", csrf.as_str()), ("row_version", "7")];
    assert_eq!(lead.submit(&address, &fields).await.status, StatusCode::PRECONDITION_FAILED);
    let fields = [("_csrf", csrf.as_str()), ("row_version", "1")];
    assert_eq!(lead.submit(&address, &fields).await.status, StatusCode::SEE_OTHER);
    let page = lead.get("/alerts/on-call").await.text();
    assert!(page.split("id=\"list-1\"").next().unwrap().contains("Nobody is on call now"), "it ended");
    let nurse = app.session("larkspur", tenant, "school_nurse").await;
    assert_eq!(nurse.get("/alerts/on-call").await.status, StatusCode::FORBIDDEN);
    assert_eq!(nurse.submit("/alerts/on-call", &[("_csrf", &csrf)]).await.status, StatusCode::FORBIDDEN);
}
