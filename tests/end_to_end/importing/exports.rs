//! What password managers export.

use axis_tests::Home;

use super::{import, stored, written};

#[test]
fn a_1password_export_gives_what_looks_like_a_service_s_key() {
    let home = Home::ready();
    let path = written(
        &home,
        "export.csv",
        "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\n\
         GitHub,https://github.com/login,me,the CANARY1 of my account,,false,false,,\n\
         GitHub token (work),https://github.com/settings/tokens,me,ghp_CANARY2,,false,false,,\n\
         AWS prod,https://aws.amazon.com,AKIAIOSFODNN7CANARY,a/CANARY3,,false,false,,\n\
         Deepseek,https://deepseek.com,me,sk-CANARY4,,false,false,,\n\
         Bank,https://bank.example,me,CANARY5,,false,false,,\"PIN: CANARY6\"\n",
    );
    let ran = import(&home, &["1password", &path, "--yes", "--no-check"]).ok();
    assert_eq!(stored(&home), ["aws", "github"]);
    assert!(
        !ran.stdout.contains("Bank") && !ran.stderr.contains("Bank"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains(&format!("rm {path}")), "{ran:#?}");
}

#[test]
fn a_bitwarden_export_gives_its_fields_and_notes_too() {
    let home = Home::ready();
    let path = written(
        &home,
        "export.csv",
        "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\r\n\
         ,,login,Stripe,,\"live key: sk_live_CANARY1\",0,https://dashboard.stripe.com,me,CANARY2,\r\n\
         ,,note,Keys,\"SENDGRID_API_KEY=SG.CANARY3\nother: CANARY4\",,0,,,,\r\n",
    );
    import(&home, &["bitwarden", &path, "--yes", "--no-check"]).ok();
    assert_eq!(stored(&home), ["sendgrid", "stripe"]);
    let other = import(&home, &["1password", &path, "--yes"]);
    assert_eq!(other.code(), 1);
    assert!(
        other.stderr.contains("no CSV export of 1Password"),
        "{other:#?}"
    );
}
