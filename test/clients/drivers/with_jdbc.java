import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.Properties;

/** PostgreSQL's JDBC driver with the token in the property `options`. */
public class with_jdbc
{
	public static void main(String[] arguments) throws Exception
	{
		String token = System.getenv("TOKEN");
		Properties properties = new Properties();
		properties.setProperty("user", System.getenv("PGUSER"));
		if (!token.isEmpty())
			properties.setProperty("options", "-c pindah.token=" + token);
		String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
		try (Connection connection = DriverManager.getConnection(url, properties);
			ResultSet row = connection.createStatement().executeQuery(System.getenv("QUERY")))
		{
			row.next();
			System.out.println(row.getString(1) + " " + row.getString(2) + " " + row.getString(3));
		}
	}
}
