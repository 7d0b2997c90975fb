//! What a scanner reads on the round (specification 5.3): badges, and packages that are of an order of the student or of none.

use crate::clinic::School;
use salus_core::{Ctx, Error, Permissions};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use uuid::Uuid;

impl School {
    async fn scan(&self, who: &Ctx, student: Option<&str>, code: &str) -> Result<Value, String> {
        let body = json!({"code": code, "student_id": student});
        let call = Call { body, ..Call::default() };
        match self.world.call_as(who.clone(), "school.medication_round.scan", call).await {
            Ok(reply) => match reply.body {
                Body::Json(told) => Ok(told),
                _ => panic!("no JSON"),
            },
            Err(Error::Invalid(fields)) => Err(fields[0].code.clone()),
            Err(other) => Err(other.code().to_owned()),
        }
    }
}

#[tokio::test]
async fn a_package_is_of_an_order_of_the_student_whose_badge_was_scanned_or_it_is_refused() {
    let s = School::new().await;
    let (one, two) = (s.student("200001").await, s.student("200002").await);
    let drug = |n: u128| Uuid::from_u128(n).to_string();
    // Ten digits are the code of one drug for the first two, and of either of two for the last.
    for (n, ndc) in [(1, "00093310905"), (2, "50090034701"), (3, "01234567890"), (4, "12345067890")] {
        let sql = format!(
            "INSERT INTO ref.drug_catalog (id, rxcui, name, tty, ndc_codes, source_release_id) \
             VALUES ('{}', '{n}', 'Drug {n}', 'IN', '{{{ndc}}}', 'test')",
            drug(n)
        );
        s.world.admin(&sql).await;
    }
    let mine = s.in_force(&one, json!({"drug_catalog_id": drug(1), "delegable": true})).await;
    let by_number = s.in_force(&one, json!({"rxcui": "3", "medication": "Drug 3", "times": ["13:00"]})).await;
    let theirs = s.in_force(&two, json!({"drug_catalog_id": drug(2), "medication": "Cetirizine 10 mg"})).await;
    let nurse = s.world.operator();
    let medicine =
        |student: &str, order: &str| Ok(json!({"kind": "MEDICINE", "student_id": student, "order_ids": [order]}));
    let refused = |code: &str| Err(code.to_owned());

    let badge = s.scan(&nurse, None, " 200001 ").await;
    assert_eq!(badge, Ok(json!({"kind": "STUDENT", "student_id": one, "order_ids": []})));
    assert_eq!(s.scan(&nurse, Some(&one), "200002").await.unwrap()["student_id"], json!(two), "the next student");
    assert_eq!(s.scan(&nurse, None, "0093-3109-05").await, refused("badge_first"));
    for code in ["0093-3109-05", "0093310905", "0100300933109050", &mine] {
        assert_eq!(s.scan(&nurse, Some(&one), code).await, medicine(&one, &mine), "{code}");
    }
    assert_eq!(
        s.scan(&nurse, Some(&one), "01234567890").await,
        medicine(&one, &by_number),
        "by the number of the drug"
    );
    for code in ["50090-347-01", &theirs] {
        assert_eq!(s.scan(&nurse, Some(&one), code).await, refused("scan_mismatch"), "{code}");
        assert_eq!(s.scan(&nurse, Some(&two), code).await, medicine(&two, &theirs), "{code}");
    }
    for code in ["1234567890", "200003", "0093-3109-06"] {
        assert_eq!(s.scan(&nurse, Some(&one), code).await, refused("scan_unknown"), "{code}");
    }
    for code in ["", "  ", &"9".repeat(129)] {
        assert_eq!(s.scan(&nurse, Some(&one), code).await, refused("required"));
    }

    let (trained, untrained) = (s.aide().await, s.aide_for(None).await);
    assert_eq!(s.scan(&trained, Some(&one), &mine).await, medicine(&one, &mine));
    for (who, order) in [(&trained, &by_number), (&untrained, &mine)] {
        assert_eq!(s.scan(who, Some(&one), order).await, refused("scan_mismatch"), "they give no such medicine");
    }
    let mut blind = trained.clone();
    blind.permissions = Permissions::new(["school.med.administer"]).into();
    assert_eq!(
        s.scan(&blind, None, "200001").await,
        refused("permission_denied"),
        "who opens no number looks for none"
    );
    s.to(&mine, "suspend", json!({"reason": "PRESCRIBER"})).await.unwrap();
    assert_eq!(s.scan(&nurse, Some(&one), "0093-3109-05").await, refused("scan_mismatch"), "it is not in force");
}
